"""The process beside the web workers that does what takes long: it may be killed at any moment, and loses nothing by it."""

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess

from gridmap import boundaries, db
from gridmap.intake import worker
from gridmap.layers import LAYERS
from gridmap.settings import Settings
from gridmap.vault import open_vault

PR_SET_PDEATHSIG = 1
AGAIN_S = 1.0  # before a worker that ended is started anew
STOP_S = 10.0
CONNECTIONS = 3  # an import's own, its pulse, and one to spare


def start() -> Callable[[], None]:
    """Start the worker process, keep one running, and return what ends it: call that before the database stops."""
    is_over, running = threading.Event(), dict[str, BaseProcess]()

    def keep_running() -> None:
        while not is_over.is_set():
            process = multiprocessing.get_context("spawn").Process(
                target=run, daemon=True, name="gridmap import worker"
            )
            process.start()
            running["now"] = process
            process.join()
            is_over.wait(AGAIN_S)

    thread = threading.Thread(target=keep_running, daemon=True)

    def stop() -> None:
        is_over.set()
        if (process := running.get("now")) is not None:
            process.terminate()
        thread.join(timeout=STOP_S)

    thread.start()
    return stop


def run() -> None:
    """Do what is asked for until the service ends. A signal ends it at once: the transaction under way never happened."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()  # Ctrl-C reaches the terminal's whole group; the service ends its workers itself
    settings = Settings()
    vault = open_vault(settings.home)
    engine = db.service_engine(settings.database_url or "postgresql://", pool_size=CONNECTIONS, vault=vault)
    worker.run(
        engine, LAYERS, settings.home, lambda: False, chores=(boundaries.activate_due,), as_set=boundaries.into_set
    )
