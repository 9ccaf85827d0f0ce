"""A copy of this machine, booted by its systemd, which forgets all that was done to it: for what pages tell root to do.

It sees the files of this machine, writes over them in memory, and has a network of its own, without a way out. It takes
root and systemd-nspawn, and a second to boot.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.support.harness import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WAY_OUT = re.compile(r"(?i)(pip|ssl_cert|[a-z]+_proxy)\w*")
"""Variables that say how programs reach the net."""
BOOT = """
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
exec systemd-nspawn --quiet --directory="$1/root" --machine="capgo-$$" --register=no --keep-unit --boot --console=pipe \
    --link-journal=no "${@:2}"
"""


class Machine:
    """Running within its `with` block."""

    def __init__(self, directory: Path, *, network: bool = False) -> None:
        """`directory` is seen inside under its own path; with `network`, this machine's network is its own."""
        self._scratch = directory / "machine"
        self._log = directory / "machine.log"
        self._options = [f"--bind-ro={ROOT}", f"--bind={directory}", *([] if network else ["--private-network"])]
        self._given = {name: value for name, value in os.environ.items() if network and WAY_OUT.fullmatch(name)}

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, "only root can boot a machine; --ignore=tests/packaging/test_pages.py leaves it out"
        self._scratch.mkdir()
        with self._log.open("w") as log:
            argv = ["unshare", "--mount", "bash", "-euc", BOOT, "bash", str(self._scratch), *self._options]
            self._nspawn = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(self._has_begun, f"the machine boots, see {self._log}")
            wait_until(lambda: self._has_booted(), "its systemd has started all that it starts")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for pid in (*self._children(), self._nspawn.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._nspawn.wait()

    def _children(self) -> list[int]:
        try:
            return [
                int(pid)
                for pid in Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
            ]
        except FileNotFoundError:
            return []

    def _has_begun(self) -> bool:
        assert self._nspawn.poll() is None, self._log.read_text()
        return any(Path(f"/proc/{pid}/comm").read_text() == "systemd\n" for pid in self._children())

    def _has_booted(self) -> bool:
        said = self.run("systemctl is-system-running || true").stdout.strip()
        return said in ("running", "degraded")

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash in the repository, as root, whatever its exit code."""
        [leader] = self._children()
        enter = ["nsenter", "--all", "--root", "--wd", f"--target={leader}", "env", f"--chdir={ROOT}"]
        argv = [*enter, "bash", "-euo", "pipefail", "-c", script]
        environment = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"} | self._given | environment
        return subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            start_new_session=True,  # `kill 0`, as of a service that has no process, is to end the script alone
        )

    def succeed(self, script: str, **environment: str) -> str:
        """What a script says that must exit 0; AssertionError with all that it said."""
        done = self.run(script, **environment)
        if done.returncode:
            journal = self.run("journalctl --no-pager --lines=20").stdout
            raise AssertionError(f"{script}\nexited {done.returncode}:\n{done.stdout}{done.stderr}\n{journal}")
        return done.stdout
