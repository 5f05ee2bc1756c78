"""A scripted model server, for OpenAI's and Anthropic's protocols: `python -m tests.support.model_server --port 9009`."""

from tests.support.model_server.server import ModelServer

__all__ = ["ModelServer"]
