"""What a log line of a failure shows."""

import logging

import pytest

from webapp.common import logs


def test_a_logged_failure_shows_where_it_was_but_no_local_variable(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure()
    try:
        password = "correct horse " + "battery"
        try:
            raise RuntimeError(f"{len(password)} characters")
        except RuntimeError:
            logging.getLogger("test").exception("broke")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    printed = capsys.readouterr().out
    assert "broke" in printed and "test_logs.py" in printed and "21 characters" in printed
    assert password not in printed
