"""Which encoding a text is in: what is stated, what the file says of itself, and last a trial."""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gridmap.errors import ImportRefused, InvalidInput
from gridmap.exchange.reasons import Note

TRIED = ("utf-8", "gb18030")  # UTF-8 first: Chinese in GBK is almost never valid UTF-8
# Encodings by name that are none of files: for host names, for source code, or of one system only.
NOT_OF_FILES = ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem", "utf-7")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Language byte of a DBF file, as far as Chinese offices meet it.
LANGUAGE_BYTES = {0x4D: "gb18030", 0x7A: "gb18030", 0x4F: "cp950", 0x78: "cp950", 0x03: "cp1252", 0x57: "cp1252"}
CODE_PAGES = {"65001": "utf-8", "936": "gb18030", "950": "cp950", "ansi 936": "gb18030"}


@dataclass(frozen=True)
class Encoding:
    """An encoding and what speaks for it."""

    name: str
    evidence_en: str
    evidence_zh: str

    @property
    def note(self) -> Note:
        """Return the sentence for the report."""
        en = f"Text was read as {self.name}: {self.evidence_en}."
        return Note("encoding", en, f"文字按 {self.name} 读取：{self.evidence_zh}。")


def stated(name: str, *, is_of_cells: bool = False) -> Encoding:
    """Return the encoding a person stated; GBK and GB2312 are read as GB18030, which holds them.

    Parameters
    ----------
    is_of_cells : the text lies in the cells of a DBF file, where ASCII must be ASCII

    Raises
    ------
    InvalidInput for a name that is no encoding of text, or none that such a file can have.
    """
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        found = None
    if found is None or not found._is_text_encoding or found.name in NOT_OF_FILES:
        raise InvalidInput(f"Encoding {name[:40]!r} is not known. Write UTF-8 or GBK. 不认识该编码。", where="encoding")
    if is_of_cells and "a1".encode(found.name) != b"a1":
        raise InvalidInput(
            f"A Shapefile cannot be in {found.name}. Write UTF-8 or GBK. Shapefile 不能用该编码。", where="encoding"
        )
    wider = "gb18030" if found.name in ("gbk", "gb2312") else found.name
    return Encoding(wider, "as stated", "按指定")


def by_mark(head: bytes) -> Encoding | None:
    """Return the encoding a byte order mark names."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return Encoding(name, "its byte order mark says so", "文件带有字节顺序标记")
    return None


def of_code_page(text: str) -> Encoding | None:
    """Return the encoding that a .cpg file names."""
    word = text.strip().lower().removeprefix("cp").strip()
    try:
        name = CODE_PAGES.get(word) or stated(text.strip(), is_of_cells=True).name
    except InvalidInput:
        return None
    return Encoding(name, "the .cpg file says so", "按 .cpg 文件")


def of_language_byte(byte: int) -> Encoding | None:
    """Return the encoding that the language byte of a DBF file names, when it is one that can be trusted."""
    name = LANGUAGE_BYTES.get(byte)
    if name is None or not name.startswith(("gb", "cp950")):
        return None  # 0x03 and 0x57 are what programs write when they have not thought about it
    return Encoding(name, f"the DBF language byte 0x{byte:02X} says so", f"按 DBF 语言字节 0x{byte:02X}")


def by_trial(chunks: Iterable[bytes]) -> Encoding:
    """Return the first of UTF-8 and GB18030 that all the bytes fit.

    Raises
    ------
    ImportRefused when neither does.
    """
    decoders = {name: codecs.getincrementaldecoder(name)() for name in TRIED}
    for chunk in chunks:
        for name in _unfit(decoders, chunk):
            del decoders[name]
        if not decoders:
            raise ImportRefused("The text is neither UTF-8 nor GB18030. State --encoding.", where="encoding")
    name = next(iter(decoders))
    return Encoding(name, "all of it fits", "全部文字符合该编码")


def _unfit(decoders: dict[str, codecs.IncrementalDecoder], chunk: bytes) -> list[str]:
    failed = []
    for name, decoder in decoders.items():
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            failed.append(name)
    return failed


def by_cells(cells: Iterable[bytes]) -> Encoding:
    """Return the first of UTF-8 and GB18030 that every cell fits; a character cut off at a cell's end is no offence."""
    fitting = list(TRIED)
    for cell in cells:
        fitting = [name for name in fitting if decoded(cell, name) is not None]
        if not fitting:
            raise ImportRefused("The text is neither UTF-8 nor GB18030. State --encoding.", where="encoding")
    return Encoding(fitting[0], "all of it fits", "全部文字符合该编码")


def decoded(raw: bytes, encoding: str) -> str | None:
    """Return the text of a DBF cell, or None if it does not fit; a character cut off by the field's width is dropped."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw)
    except UnicodeError:
        return None


def blocks(path: object, size: int = 1 << 20) -> Iterator[bytes]:
    """Yield the bytes of a file, block by block."""
    with open(str(path), "rb") as file:
        while block := file.read(size):
            yield block
