"""Steps of the import pages, as a person takes them, and of the worker beside them."""

import io
import re
from pathlib import Path

from gridmap import boundaries
from gridmap.intake import jobs, worker


class Wizard:
    """One person's client and a worker on the same service."""

    def __init__(self, app, client, layers):
        self.app, self.client, self.layers = app, client, layers
        self.csrf = re.search(r'name="csrf" value="(\w+)"', client.get("/import?layer=building").text)[1]

    @property
    def home(self) -> Path:
        return self.app.extensions["gridmap"]["settings"].home

    @property
    def engine(self):
        return self.app.extensions["gridmap"]["engine"]

    def upload(self, layer, *paths):
        files = [(io.BytesIO(path.read_bytes()), path.name) for path in paths]
        return self.client.post(
            f"/import/{layer}", data={"csrf": self.csrf, "files": files}, content_type="multipart/form-data"
        )

    def page_of(self, answer) -> str:
        assert answer.status_code == 303, (answer.status_code, answer.text[-2000:])
        return answer.headers["Location"]

    def post(self, page, step, **values):
        return self.client.post(f"{page}/{step}", data={"csrf": self.csrf, **values})

    def mapped(self, page, **fields):
        """Return the column selects of a page as they stand, with some headings changed."""
        text = self.client.get(page).text
        found = {}
        for heading, name, options in re.findall(
            r"<label><span>(.*?)</span>\s*<select name=\"(column-\d+)\".*?>(.*?)</select>", text, re.DOTALL
        ):
            chosen = re.search(r'<option value="(\w*)" selected>', options)
            found[name] = fields.get(heading, chosen[1] if chosen else "")
        return found

    def work(self):
        """Let the worker do what waits."""
        while (job := jobs.claim(self.engine)) is not None:
            worker.work(self.engine, self.layers, self.home, job, boundaries.into_set)

    def state(self, page):
        return self.client.get(f"{page}/state").json

    def through(self, layer, *paths, partial=False, **values):
        """Upload, check and store; return the page."""
        page = self.page_of(self.upload(layer, *paths))
        self.page_of(self.post(page, "check", **{**self.mapped(page), "crs": "EPSG:4490", **values}))
        self.work()
        self.page_of(self.post(page, "store", **({"partial": "yes"} if partial else {})))
        self.work()
        return page
