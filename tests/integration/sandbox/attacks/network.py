"""Ways to the network: none, by any library, by any kind of socket."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack


def denied(name: str, code: str, says: str = "Error") -> Attack:
    return Attack(name, f"import socket\n{code}\nprint('GOT OUT')", "error", says)


NETWORK = (
    denied("TCP to this host", "socket.socket().connect(('127.0.0.1', 22))", "PermissionError"),
    denied("TCP to the cloud's metadata", "socket.socket().connect(('169.254.169.254', 80))", "PermissionError"),
    denied("TCP version 6", "socket.socket(socket.AF_INET6).connect(('::1', 22))", "PermissionError"),
    denied("a datagram", "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))", "PermissionError"),
    denied("a server", "s = socket.socket()\ns.bind(('0.0.0.0', 8080))\ns.listen()", "PermissionError"),
    denied("a name looked up", "socket.getaddrinfo('secret.example.com', 80)", "gaierror"),
    denied("the name of this host", "socket.gethostbyname('localhost')", "gaierror"),
    denied("a local socket", "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')"),
    denied("a pair of sockets", "socket.socketpair()"),
    denied("a raw socket", "socket.socket(socket.AF_INET, 3, 1)", "OSError"),
    denied("a socket from a number", "[socket.socket(fileno=n).send(b'x') for n in range(8)]", "OSError"),
    denied("HTTP", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1/')", "URLError"),
    denied("a file as an address", "import urllib.request\nurllib.request.urlopen('file:///etc/passwd')", "URLError"),
    denied("asyncio", "import asyncio\nasyncio.run(asyncio.open_connection('127.0.0.1', 22))", "PermissionError"),
    denied("mail", "import smtplib\nsmtplib.SMTP('127.0.0.1', 25)", "gaierror"),
    denied(
        "a log sent away", "import logging.handlers\nlogging.handlers.SysLogHandler(('127.0.0.1', 514))", "gaierror"
    ),
    denied("a listening web server", "import http.server\nhttp.server.HTTPServer(('', 8000), None)", "PermissionError"),
)
