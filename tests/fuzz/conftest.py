"""What can't run here: atheris is built for Linux on x86-64 alone."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("atheris") else ["test_atheris.py"]
