"""Every setting of Hartley, read from the environment in this one place. Units are in the names."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from . import env

BASE_DIR = Path(__file__).resolve().parents[3]
HARTLEY_HOME = Path(env.text("HARTLEY_HOME", str(BASE_DIR / ".hartley"))).resolve()
VERSION = "0.1.0"

# --- Django ---
SECRET_KEY = env.text("HARTLEY_SECRET_KEY")
ENCRYPTION_KEYS = env.secrets("HARTLEY_ENCRYPTION_KEYS")  # of secrets at rest: the first seals, all of them open
DEBUG = False
ALLOWED_HOSTS = env.words("HARTLEY_ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
ROOT_URLCONF = "webapp.config.urls"
ASGI_APPLICATION = "webapp.config.asgi.application"
APPEND_SLASH = False  # clients never follow redirects
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
AUTH_USER_MODEL = "tenants.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "webapp.common.admin.HartleyAdminConfig",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "corsheaders",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "webapp.tenants",
    "webapp.agent_sessions",
    "webapp.agent_tasks",
    "webapp.budgets",
    "webapp.decisions",
    "webapp.audit",
    "webapp.progress",
    "webapp.memory",
    "webapp.workspaces",
    "webapp.catalogue",
    "webapp.prompts",
    "webapp.webhooks",
    "webapp.tool_modules",
    "webapp.tool_settings",
    "webapp.tool_sources",
    "webapp.orchestration",
    "webapp.dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "webapp.api.tracing.TraceMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "webapp.api.limits.RateHeaders",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "webapp.dashboard.middleware.SignedIn",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "webapp.dashboard.chrome.chrome",
            ]
        },
    }
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight from the source tree: no build step, no copy to go stale
WHITENOISE_MAX_AGE = 3600
LOGIN_URL = "/sign-in"
CSRF_FAILURE_VIEW = "webapp.dashboard.errors.csrf"

# --- What browsers are told ---
HTTPS = env.flag("HARTLEY_HTTPS")  # the address that people use is https: cookies travel on nothing else
SESSION_COOKIE_NAME = "hartley_session"
SESSION_COOKIE_AGE = env.whole("HARTLEY_SIGNED_IN_S", 12 * 3600, least=60)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_TRUSTED_ORIGINS = env.words("HARTLEY_TRUSTED_ORIGINS")  # e.g. https://hartley.example, behind a proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = env.whole("HARTLEY_HSTS_S", 31_536_000)  # sent over https only
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Postgres: three roles, see docs/adr ---
DATABASES = {"default": env.database("HARTLEY_DB_APP_URL")}
if env.given("HARTLEY_DB_SYSTEM_URL"):
    DATABASES["system"] = env.database("HARTLEY_DB_SYSTEM_URL")
if env.given("HARTLEY_DB_OWNER_URL"):
    DATABASES["owner"] = env.database("HARTLEY_DB_OWNER_URL")
DATABASES["default"]["OPTIONS"]["pool"] = {
    "min_size": 1,
    "max_size": env.whole("HARTLEY_DB_POOL", 32, least=2),
    "timeout": 20,
}
DATABASE_ROUTERS = ["webapp.common.postgres.router.OneDatabase"]

# --- The web process ---
WEB_THREADS = env.whole("HARTLEY_WEB_THREADS", 16, least=1)  # requests that are worked on at once; streams need none

# --- Redis ---
REDIS_URL = env.text("REDIS_URL")
REDIS_CONNECTIONS = env.whole("HARTLEY_REDIS_CONNECTIONS", 500, least=10)

# --- Flower, behind our sign-in ---
FLOWER_URL = env.text("FLOWER_URL", "")  # e.g. http://127.0.0.1:5555; empty: there is none
FLOWER_BASIC_AUTH = env.text("FLOWER_BASIC_AUTH", "")  # name:password that Flower itself was started with
FLOWER_TIMEOUT_S = env.number("HARTLEY_FLOWER_TIMEOUT_S", 10, least=0.1)

# --- Signing in ---
REGISTRATION = env.one_of("HARTLEY_REGISTRATION", ("open", "closed"), "open")  # may anyone make a tenant of their own?
ACCESS_TOKEN_S = env.whole("HARTLEY_ACCESS_TOKEN_S", 30 * 60, least=60)
REFRESH_TOKEN_S = env.whole("HARTLEY_REFRESH_TOKEN_S", 30 * 86_400, least=60)
KEYS_PER_PERSON = env.whole("HARTLEY_KEYS_PER_PERSON", 50, least=1)  # that are in force; each has a rate of its own
LOCK_OUT_S = env.whole("HARTLEY_LOCK_OUT_S", 15 * 60, least=1)  # for how long a failed attempt counts
LOCK_OUT_PER_EMAIL = env.whole("HARTLEY_LOCK_OUT_PER_EMAIL", 10, least=1)
LOCK_OUT_PER_ADDRESS = env.whole("HARTLEY_LOCK_OUT_PER_ADDRESS", 100, least=1)
TRUSTED_PROXIES = env.whole("HARTLEY_TRUSTED_PROXIES", 0)  # in front of us, each of which adds to X-Forwarded-For
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# --- Rate limits: requests a minute, an hour and a day, by the tenant's tier ---
RATE_LIMITS = {
    "free": (60, 1_000, 10_000),
    "pro": (200, 5_000, 50_000),
    "max": (300, 10_000, 100_000),
    "enterprise": (500, 20_000, 200_000),
    "admin": (1_000, 100_000, 1_000_000),
}
for _tier in RATE_LIMITS:  # HARTLEY_RATE_FREE=60,1000,10000
    if _given := env.words(f"HARTLEY_RATE_{_tier.upper()}"):
        RATE_LIMITS[_tier] = env.three_numbers(f"HARTLEY_RATE_{_tier.upper()}", _given)
IDEMPOTENCY_S = env.whole("HARTLEY_IDEMPOTENCY_S", 86_400, least=60)  # how long an answer can be replayed
IDEMPOTENCY_WAIT_S = env.number("HARTLEY_IDEMPOTENCY_WAIT_S", 10, least=0.1)  # for the same request still at work

# --- Other origins that may call the API from a browser, e.g. https://app.example ---
CORS_ALLOWED_ORIGINS = env.words("HARTLEY_CORS_ORIGINS")
CORS_URLS_REGEX = r"^/(api|v1)/.*$"
CORS_ALLOW_HEADERS = [
    "content-type", "authorization", "x-api-key", "idempotency-key", "traceparent", "tracestate", "cache-control",
    "last-event-id", "if-match",
]  # fmt: skip
CORS_EXPOSE_HEADERS = [
    "X-RateLimit-Limit-Minute", "X-RateLimit-Remaining-Minute", "X-RateLimit-Limit-Hour",
    "X-RateLimit-Remaining-Hour", "X-RateLimit-Reset", "X-Trace-Id", "X-Span-Id", "X-Session-ID",
    "X-Shannon-Session-ID", "X-Workflow-ID",
]  # fmt: skip

# --- The API ---
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["webapp.api.authentication.CredentialAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["webapp.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["webapp.api.limits.TierLimit"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["webapp.api.parsers.AnyJSONParser"],
    "EXCEPTION_HANDLER": "webapp.api.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "webapp.api.schema.HartleySchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Hartley",
    "DESCRIPTION": "AI agents that companies can trust: durable steps, budgets, policies, sandbox.",
    "VERSION": VERSION,
    "POSTPROCESSING_HOOKS": ["webapp.api.schema.whole"],
}
BODY_LIMIT_BYTES = env.whole("HARTLEY_BODY_LIMIT_BYTES", 40 * 1024 * 1024, least=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_LIMIT_BYTES
ATTACHMENTS_LIMIT_BYTES = env.whole("HARTLEY_ATTACHMENTS_LIMIT_BYTES", 25 * 1024 * 1024, least=1024)
CONTEXT_LIMIT_BYTES = env.whole(
    "HARTLEY_CONTEXT_LIMIT_BYTES", 4 * 1024 * 1024, least=1024
)  # of a task, its files apart
QUERY_LIMIT_CHARS = env.whole("HARTLEY_QUERY_LIMIT_CHARS", 200_000, least=1)
SSE_PING_S = env.number("HARTLEY_SSE_PING_S", 10, least=0.1)
SSE_POLL_S = env.number("HARTLEY_SSE_POLL_S", 2, least=0.05)  # how long a lost Redis wake-up may go unnoticed
SOCKETS_PER_USER = env.whole(
    "HARTLEY_SOCKETS_PER_USER", 500, least=1
)  # websockets, event streams and waiting MCP calls that one person has open, per web process
SOCKETS_PER_PROCESS = env.whole("HARTLEY_SOCKETS_PER_PROCESS", 5000, least=1)  # of all people together
SEND_S = env.number("HARTLEY_SEND_S", 20, least=0.1)  # a client that takes nothing for so long is cut off
RECHECK_S = env.number("HARTLEY_RECHECK_S", 60, least=0.1)  # how often a stream's credential is looked at again
PROBE_TIMEOUT_S = env.number("HARTLEY_PROBE_TIMEOUT_S", 4, least=0.1)

# --- The engine: times are the database's own clock ---
LEASE_S = env.number("HARTLEY_LEASE_S", 15, least=1)
HINT_S = env.number("HARTLEY_HINT_S", 10, least=0.5)
HINT_GAP_S = env.number("HARTLEY_HINT_GAP_S", 0.01, least=0)  # between two messages of one process
SWEEP_S = env.number("HARTLEY_SWEEP_S", 5, least=0.2)
WORKER_SEEN_S = 4 * SWEEP_S  # a worker that has not said so for longer is taken for gone; it does with each sweep
DRAIN_S = env.number("DRAIN_S", 30)
MAX_ATTEMPTS = env.whole("HARTLEY_MAX_ATTEMPTS", 5, least=1)
TASKS_PER_TENANT = env.whole("HARTLEY_TASKS_PER_TENANT", 100, least=1)  # running at once; the others are queued
TASKS_PER_USER = env.whole("HARTLEY_TASKS_PER_USER", 10, least=1)  # of one person
DEADLINE_S = env.number("HARTLEY_DEADLINE_S", 86_400, least=1)  # of a task that names none
DEADLINE_LIMIT_S = env.number("HARTLEY_DEADLINE_LIMIT_S", 30 * 86_400, least=1)  # that a task may name
STEPS_LIMIT = env.whole("HARTLEY_STEPS_LIMIT", 1000, least=10)
OUTPUT_LIMIT_BYTES = env.whole("HARTLEY_OUTPUT_LIMIT_BYTES", 256 * 1024, least=1024)  # a step's recorded output
LLM_SLOTS = env.whole("HARTLEY_LLM_SLOTS", 2000, least=1)
TOOL_SLOTS = env.whole("HARTLEY_TOOL_SLOTS", 16, least=1)
SANDBOX_PROCESSES = env.whole("HARTLEY_SANDBOX_PROCESSES", 2, least=1)
SANDBOX_MEMORY_MIB = env.whole("HARTLEY_SANDBOX_MEMORY_MIB", 256, least=128)  # of one run
SANDBOX_WAITING = env.whole("HARTLEY_SANDBOX_WAITING", 1000, least=1)  # runs of one tenant that wait for a process
SANDBOX_ROOM_WAIT_S = env.whole("HARTLEY_SANDBOX_ROOM_WAIT_S", 10, least=0)  # for the machine to have memory and disk
SANDBOX_IMAGE = Path(env.text("HARTLEY_SANDBOX_IMAGE", str(HARTLEY_HOME / "sandbox")))
SANDBOX_SCRATCH = HARTLEY_HOME / "run" / "sandbox"  # a private folder for each sandbox process
MODULE_BYTES = env.whole("HARTLEY_MODULE_BYTES", 8 * 1024 * 1024, least=1024)  # of a tenant's WebAssembly module
MODULES_BYTES = env.whole("HARTLEY_MODULES_BYTES", 200 * 1024 * 1024, least=1024)  # of all versions of one tenant
MODULES_PER_TENANT = env.whole("HARTLEY_MODULES_PER_TENANT", 20, least=1)
MODULE_COMPILE_S = env.number("HARTLEY_MODULE_COMPILE_S", 10, least=0.1)
MODULE_LOOK_S = env.number("HARTLEY_MODULE_LOOK_S", 1, least=0.05)  # how long a worker goes by what it read last
MODULE_CHECK_LOOK_S = env.number("HARTLEY_MODULE_CHECK_LOOK_S", 5, least=0.1)  # between looks for what is to be checked
MODULE_FOLDER = HARTLEY_HOME / "modules"  # their native code, which only this user may write
SOURCES_PER_TENANT = env.whole("HARTLEY_SOURCES_PER_TENANT", 20, least=1)  # MCP servers and OpenAPI documents
SOURCE_TOOLS = env.whole("HARTLEY_SOURCE_TOOLS", 100, least=1)  # of one source
SOURCE_LOOK_S = env.number("HARTLEY_SOURCE_LOOK_S", 300, least=1)  # a source is asked for its tools so often
SOURCE_CHECK_LOOK_S = env.number("HARTLEY_SOURCE_CHECK_LOOK_S", 5, least=0.1)  # between looks for sources that are due
SOURCE_DOCUMENT_BYTES = env.whole("HARTLEY_SOURCE_DOCUMENT_BYTES", 5 * 1024 * 1024, least=1024)
SOURCE_ANSWER_BYTES = env.whole("HARTLEY_SOURCE_ANSWER_BYTES", 10 * 1024 * 1024, least=1024)  # of one call
SOURCE_READ_S = env.number("HARTLEY_SOURCE_READ_S", 20, least=1)  # for reading and checking a document
MCP_COMMANDS = env.commands("HARTLEY_MCP_COMMANDS")  # MCP servers that tenants may have started here: none
MCP_FOLDER = HARTLEY_HOME / "run" / "mcp"  # a private folder for each of their processes
MCP_PROCESSES = env.whole("HARTLEY_MCP_PROCESSES", 20, least=1)  # of one worker process
MCP_CONNECTIONS = env.whole("HARTLEY_MCP_CONNECTIONS", 200, least=1)  # to servers over HTTP, of one worker process
MCP_IDLE_S = env.number("HARTLEY_MCP_IDLE_S", 300, least=1)  # without a call a server's session or process ends
OWNER_PASSWORD = env.text("HARTLEY_OWNER_PASSWORD", "")  # of the first tenant's owner; made up when empty
EXTRA_TOOLS = env.words("HARTLEY_EXTRA_TOOLS")
TOOLS_FOLDER = env.folder("HARTLEY_TOOLS_FOLDER")  # of .py files with tools; read when a worker starts

# --- Limits of tool calls ---
TOOL_TOKENS_LIMIT = env.whole("HARTLEY_TOOL_TOKENS_LIMIT", 32_768, least=64)  # of one call's arguments, as estimated
TOOL_TURN_S = env.number("HARTLEY_TOOL_TURN_S", 10, least=0.1)  # how long a call waits for its turn
TOOL_BREAKER_FAILURES = env.whole("HARTLEY_TOOL_BREAKER_FAILURES", 5, least=1)  # in a row, until it is left alone
TOOL_BREAKER_S = env.number("HARTLEY_TOOL_BREAKER_S", 60, least=0.1)  # how long it is left alone
TOOL_OUTPUT_CHARS = env.whole("HARTLEY_TOOL_OUTPUT_CHARS", 100_000, least=1000)  # of one result, as JSON
TOOL_CACHE_BYTES = env.whole("HARTLEY_TOOL_CACHE_BYTES", 32 * 1024 * 1024, least=64 * 1024)  # of a process' memory

# --- The agent loop: when an agent is asked to answer with what it has, see docs/agent-loop.md ---
TURNS_LIMIT = env.whole("HARTLEY_TURNS_LIMIT", 3, least=1)  # of one agent that call tools; a task may say otherwise
AGENT_CALLS_LIMIT = env.whole("HARTLEY_AGENT_CALLS_LIMIT", 5, least=1)  # tool calls of one agent in all
TOOL_CHARS_LIMIT = env.whole("HARTLEY_TOOL_CHARS_LIMIT", 60_000, least=100)  # that tools bring one agent in all
RESEARCH_TURNS_LIMIT = env.whole("HARTLEY_RESEARCH_TURNS_LIMIT", 20, least=1)  # as the three above, of research
RESEARCH_CALLS_LIMIT = env.whole("HARTLEY_RESEARCH_CALLS_LIMIT", 25, least=1)
RESEARCH_CHARS_LIMIT = env.whole("HARTLEY_RESEARCH_CHARS_LIMIT", 300_000, least=100)
TOOL_CALLS_LIMIT = env.whole("HARTLEY_TOOL_CALLS_LIMIT", 8, least=1)  # tool calls of one turn
FAILED_TURNS_LIMIT = env.whole("HARTLEY_FAILED_TURNS_LIMIT", 2, least=1)  # in a row, in which every call failed
PROMPT_CHARS_LIMIT = env.whole("HARTLEY_PROMPT_CHARS_LIMIT", 1_000_000, least=1000)  # of what an agent's model is told
TOOLS_OFFERED = env.whole("HARTLEY_TOOLS_OFFERED", 20, least=1)  # to a model; of more the fitting ones are found

# --- Policies ---
POLICY_CHECK_S = env.number("HARTLEY_POLICY_CHECK_S", 5, least=0.5)  # for compiling a tenant's module
POLICY_SOURCE_CHARS = env.whole("HARTLEY_POLICY_SOURCE_CHARS", 20_000, least=100)
POLICY_MODULES = env.whole("HARTLEY_POLICY_MODULES", 20, least=1)  # of one tenant
POLICY_ASK_S = env.number("HARTLEY_POLICY_ASK_S", 1, least=0.05)  # for an answer of a tenant's modules; then it is no
POLICY_PROCESSES = env.whole("HARTLEY_POLICY_PROCESSES", 10, least=1)  # of tenants' modules, of one worker process
POLICY_LOOK_S = env.number("HARTLEY_POLICY_LOOK_S", 1, least=0)  # how long a worker goes by what it read last

# --- Prompt templates ---
PROMPT_CHARS = env.whole("HARTLEY_PROMPT_CHARS", 20_000, least=500)  # of a tenant's template

# --- The catalogue of models ---
ENVIRONMENT = env.one_of("HARTLEY_ENVIRONMENT", ("development", "staging", "production"), "production")
CATALOGUE_CHECK_S = env.number("HARTLEY_CATALOGUE_CHECK_S", 10, least=0.5)  # for checking a version
CATALOGUE_SOURCE_CHARS = env.whole("HARTLEY_CATALOGUE_SOURCE_CHARS", 100_000, least=100)
CATALOGUE_LOOK_S = env.number("HARTLEY_CATALOGUE_LOOK_S", 0.5, least=0.05)  # between looks for a version, and at keys

# --- Answers that are kept ---
ANSWER_CACHE_S = env.whole("HARTLEY_ANSWER_CACHE_S", 3600)  # how old an answer may be that serves again; 0: none does
ANSWER_CACHE_BYTES = env.whole("HARTLEY_ANSWER_CACHE_BYTES", 64 * 1024 * 1024, least=64 * 1024)  # of a process' memory
CACHE_TEMPERATURE_MOST = env.number("HARTLEY_CACHE_TEMPERATURE_MOST", 0.3)  # above it answers are meant to vary

# --- Models and budgets ---
MODEL_TIMEOUT_S = env.number("HARTLEY_MODEL_TIMEOUT_S", 120, least=1)
HEDGE_SHARE = env.number(
    "HARTLEY_HEDGE_SHARE", 0.05, least=0
)  # of all calls; one after a time that a caller names is free
COMPLETION_WAIT_S = env.number("HARTLEY_COMPLETION_WAIT_S", 300, least=0.1)  # for POST /v1/completions and the like
TOOL_WAIT_S = env.number("HARTLEY_TOOL_WAIT_S", 120, least=0.1)  # for a tool that a person calls without an agent
COMPLETION_INPUT_BYTES = env.whole("HARTLEY_COMPLETION_INPUT_BYTES", 8 * 1024 * 1024, least=1024)  # messages and tools
HISTORY_TOKENS = env.whole("HARTLEY_HISTORY_TOKENS", 32_000, least=2_000)  # of what was said before in a session
COMPLETION_TOKENS = env.whole("HARTLEY_COMPLETION_TOKENS", 8192, least=16)
COMPLETION_TOKENS_LEAST = env.whole("HARTLEY_COMPLETION_TOKENS_LEAST", 64, least=1)  # below it a call is refused
SESSION_TOKENS = env.whole("HARTLEY_SESSION_TOKENS", 10_000, least=1)
FIRST_TENANT_SESSION_TOKENS = env.whole("HARTLEY_FIRST_TENANT_SESSION_TOKENS", 2_000_000, least=1)
TASK_TOKENS = env.whole("HARTLEY_TASK_TOKENS", 1_000_000, least=1)
AGENT_TOKENS = env.whole("HARTLEY_AGENT_TOKENS", 500_000, least=1)  # of one agent of a task, at most
TASK_USD = Decimal(env.text("HARTLEY_TASK_USD", "2"))

# --- Requests that leave for addresses which people or models name ---
EGRESS_PORTS = env.whole_numbers("HARTLEY_EGRESS_PORTS", [443, 8443], least=1, most=65_535)
EGRESS_PLAIN_HTTP = env.flag("HARTLEY_EGRESS_PLAIN_HTTP")  # take http:// as well; its ports must be named too
EGRESS_ALLOW = env.words("HARTLEY_EGRESS_ALLOW")  # inner names, addresses and networks that may be asked all the same

# --- Pages that agents read, and searches ---
WEB_PORTS = env.whole_numbers("HARTLEY_WEB_PORTS", [80, 443], least=1, most=65_535)
WEB_ALLOW = env.words("HARTLEY_WEB_ALLOW")  # inner names, addresses and networks that agents may read all the same
WEB_TIMEOUT_S = env.number("HARTLEY_WEB_TIMEOUT_S", 10, least=0.1)  # of one page, look-up and redirects included
WEB_BYTES = env.whole("HARTLEY_WEB_BYTES", 5 * 1024 * 1024, least=1024)  # of one page; the rest is left out
WEB_FILE_BYTES = env.whole("HARTLEY_WEB_FILE_BYTES", 50 * 1024 * 1024, least=1024)  # of a file that is downloaded
WEB_FILE_S = env.number("HARTLEY_WEB_FILE_S", 100, least=0.1)  # for one download
WEB_PER_SITE = env.whole("HARTLEY_WEB_PER_SITE", 4, least=1)  # requests to one host at once, of one worker process
WEB_READERS = env.whole("HARTLEY_WEB_READERS", 2, least=1)  # processes that take pages apart, of one worker process
WEB_READ_S = env.number("HARTLEY_WEB_READ_S", 10, least=0.1)  # for one page; then its process is killed
SEARCH_PROVIDERS = env.words("HARTLEY_SEARCH_PROVIDERS")  # in the order in which they are tried; none: all with a key
SEARCH_NAMES = ("serper", "serpapi", "searchapi", "brave", "exa", "firecrawl", "searxng")
SEARCH_KEYS = {name: env.text(f"HARTLEY_SEARCH_{name.upper()}_KEY", "") for name in SEARCH_NAMES}
SEARCH_URLS = {name: env.text(f"HARTLEY_SEARCH_{name.upper()}_URL", "") for name in SEARCH_NAMES}
SEARCH_USD = Decimal(env.text("HARTLEY_SEARCH_USD", "0.005"))  # that a search counts for in budgets

# --- The browser's process, see docs/browser.md; without its address agents have no such tool ---
BROWSER_URL = env.text("HARTLEY_BROWSER_URL", "")
BROWSER_TOKEN = env.secrets("HARTLEY_BROWSER_TOKEN")[0] if BROWSER_URL else ""
BROWSER_EVALUATE = env.flag("HARTLEY_BROWSER_EVALUATE")  # agents' scripts may run in pages

# --- Webhooks ---
WEBHOOK_TIMEOUT_S = env.number("HARTLEY_WEBHOOK_TIMEOUT_S", 10, least=0.1)  # of one try, look-up to answer
WEBHOOK_ANSWER_BYTES = env.whole("HARTLEY_WEBHOOK_ANSWER_BYTES", 4096)  # of an answer that are read, and forgotten
WEBHOOK_RETRIES_S = env.whole_numbers(  # before the second try and each one after, a fifth more or less: about a day
    "HARTLEY_WEBHOOK_RETRIES_S", [5, 30, 120, 600, 1800, 3600, 10_800, 21_600, 43_200], least=1, most=30 * 86_400
)
WEBHOOK_LOOK_S = env.number("HARTLEY_WEBHOOK_LOOK_S", 2, least=0.1)  # between looks for what is to be sent
WEBHOOK_SLOTS = env.whole("HARTLEY_WEBHOOK_SLOTS", 100, least=1)  # tries at once, of one worker process
WEBHOOK_SLOTS_EACH = env.whole("HARTLEY_WEBHOOK_SLOTS_EACH", 4, least=1)  # to one webhook
WEBHOOK_SECRET_OVERLAP_S = env.whole("HARTLEY_WEBHOOK_SECRET_OVERLAP_S", 86_400)  # a replaced secret signs as well
WEBHOOK_ALERTS_S = env.whole("HARTLEY_WEBHOOK_ALERTS_S", 7 * 86_400, least=60)  # an alert older than that is not sent
WEBHOOK_KEEP_S = env.whole("HARTLEY_WEBHOOK_KEEP_S", 30 * 86_400, least=WEBHOOK_ALERTS_S)  # deliveries that have ended
WEBHOOKS_PER_TENANT = env.whole("HARTLEY_WEBHOOKS_PER_TENANT", 20, least=1)

# --- Files of sessions ---
WORKSPACE_BYTES = env.whole("HARTLEY_WORKSPACE_BYTES", 100 * 1024 * 1024)  # of one session, all files together
WORKSPACE_FILES = env.whole("HARTLEY_WORKSPACE_FILES", 10_000)  # of one session
WORKSPACE_KEEP_S = env.whole("HARTLEY_WORKSPACE_KEEP_S", 86_400, least=60)  # after the last use of a session's files
WORKSPACE_SWEEP_S = env.number("HARTLEY_WORKSPACE_SWEEP_S", 60, least=0.1)  # between looks for what is over
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "workspaces": env.store("HARTLEY_WORKSPACE", folder=HARTLEY_HOME / "workspaces"),
}

# --- Alike questions: only for tenants that choose so ---
SEMANTIC_SIMILARITY = env.number("HARTLEY_SEMANTIC_SIMILARITY", 0.95, least=0.5)  # the cosine of the questions' vectors
SEMANTIC_QUESTION_CHARS = env.whole(
    "HARTLEY_SEMANTIC_QUESTION_CHARS", 2000
)  # of the longest question that is looked up
SEMANTIC_EMBED_S = env.number("HARTLEY_SEMANTIC_EMBED_S", 2, least=0.05)  # for the vector; later is a miss

LOGGING_CONFIG = None  # structlog is set up in webapp.common.logs
