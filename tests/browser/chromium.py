"""Finding a browser: a Chrome or Chromium that is there is used; on Debian as root it is installed."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = "no Chrome or Chromium is here and none could be installed: the browser tests were left out"


@cache
def chromium() -> str | None:
    """Path of a browser, installed first where that is possible."""
    if found() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found()
    with (Path(tempfile.gettempdir()) / "billgraph-browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes collect at the same time, and one of them installs
        if not found():
            _install()
    return found()


def found() -> str | None:
    """Path of a browser that is there."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        subprocess.run(command, check=False, capture_output=True, timeout=600, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
