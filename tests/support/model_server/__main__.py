"""Starts the server by hand."""

from tests.support.model_server.server import main

main()
