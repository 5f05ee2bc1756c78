"""Settings for tools that only look at the code: placeholders where the real ones come from the environment."""

import os

os.environ.setdefault("HARTLEY_SECRET_KEY", "only-for-checks-" + "0" * 40)
os.environ.setdefault("HARTLEY_ENCRYPTION_KEYS", "only-for-checks-" + "0" * 40)
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
for _role in ("APP", "SYSTEM", "OWNER"):
    os.environ.setdefault(f"HARTLEY_DB_{_role}_URL", "postgresql://nobody:nothing@127.0.0.1:1/nowhere")

from webapp.config.settings import *  # noqa: E402, F403
