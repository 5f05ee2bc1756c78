"""A scripted model server that speaks OpenAI's wire protocol: `python -m tests.support.model_server --port 9009`."""

from tests.support.model_server.server import ModelServer

__all__ = ["ModelServer"]
