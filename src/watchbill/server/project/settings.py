"""Django settings. What the product does is in the plan, not here."""

from pathlib import Path
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from watchbill.core.access import ConsoleRole
from watchbill.server.project import channel_settings, env

_SERVER = Path(__file__).resolve().parent.parent

SECRET_KEY = env.secret("WATCHBILL_SECRET_KEY", "only-for-commands-without-requests")
DEBUG = False

BASE_URL = env.text("WATCHBILL_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
_IS_HTTPS = urlsplit(BASE_URL).scheme == "https"
ALLOWED_HOSTS = [
    *env.words("WATCHBILL_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]")),
    urlsplit(BASE_URL).hostname or "localhost",
]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "watchbill.server",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "watchbill.server.web.middleware.security_headers",
    "watchbill.server.web.middleware.refuse_nul",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "watchbill.server.audit.middleware.audited",
    "watchbill.server.project.middleware.plan_zone",
    "watchbill.server.web.middleware.deny_by_default",
    "watchbill.server.project.middleware.second_factor",
]
ROOT_URLCONF = "watchbill.server.project.urls"
ASGI_APPLICATION = "watchbill.server.project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [_SERVER / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "watchbill.server.project.context.frame",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

_conninfo = conninfo_to_dict(env.secret("DATABASE_URL", "postgresql:///watchbill"))
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _conninfo.pop("dbname", "watchbill"),
        "USER": _conninfo.pop("user", ""),
        "PASSWORD": _conninfo.pop("password", ""),
        "HOST": _conninfo.pop("host", ""),
        "PORT": _conninfo.pop("port", ""),
        # Under ASGI each request has a thread of its own, which nobody uses again: a
        # connection kept for the next request would only be forgotten while open.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "application_name": "watchbill",
            "connect_timeout": 10,
            # A half-open connection is noticed within about 15 s (F15).
            "keepalives_idle": 5,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 15000,
            # A node that hangs in the middle of a transaction, or stops there, must
            # not keep rows from the others; nor may anybody wait for a row for ever.
            "options": "-c idle_in_transaction_session_timeout=30s -c lock_timeout=10s",
            **_conninfo,
        },
    }
}

AUTH_USER_MODEL = "watchbill.User"
AUTHENTICATION_BACKENDS = ["watchbill.server.accounts.actions.EmailBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": f"django.contrib.auth.password_validation.{name}",
        "OPTIONS": options,
    }
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email", "name")}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
    )
]
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "incidents:list"

# allauth keeps second factors and asks for them (ADR 0017). Addresses are unique and
# given by whoever creates a user, so it has none of them to verify.
ACCOUNT_ADAPTER = "watchbill.server.accounts.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = {"reauthenticate": "5/10m/user"}
MFA_ADAPTER = "watchbill.server.accounts.adapters.FactorAdapter"
MFA_FORMS = {
    "add_webauthn": "watchbill.server.accounts.forms.AddPasskeyForm",
    "authenticate_webauthn": "watchbill.server.accounts.forms.PasskeyForm",
    "login_webauthn": "watchbill.server.accounts.forms.SignInByPasskeyForm",
    "reauthenticate_webauthn": "watchbill.server.accounts.forms.ConfirmByPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
#: Without https a browser makes passkeys for localhost and nowhere else.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _IS_HTTPS
#: Roles whose users may do nothing until they have a second factor.
SECOND_FACTOR_FOR = env.choices(
    "WATCHBILL_SECOND_FACTOR_FOR", allowed=tuple(ConsoleRole)
)
# A code that was used, and attempts that are counted, are so on every node.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "watchbill_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

SESSION_COOKIE_NAME = "__Host-session" if _IS_HTTPS else "watchbill_session"
SESSION_COOKIE_SECURE = _IS_HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_NAME = "__Host-csrf" if _IS_HTTPS else "watchbill_csrf"
CSRF_COOKIE_SECURE = _IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "watchbill.server.web.views.csrf_failure"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("WATCHBILL_BEHIND_PROXY") else None
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [("", _SERVER / "static")]
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_MAX_AGE = 3600
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SILENCED_SYSTEM_CHECKS: list[str] = []

# Where mail is listened for, as host:port, and the files of a certificate for STARTTLS.
MAIL_LISTEN = env.text("WATCHBILL_MAIL_LISTEN")
MAIL_TLS_CERT = env.text("WATCHBILL_MAIL_TLS_CERT")
MAIL_TLS_KEY = env.text("WATCHBILL_MAIL_TLS_KEY")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "filters": {
        "without_tokens": {"()": "watchbill.server.project.logs.WithoutTokens"}
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["without_tokens"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "watchbill": {"level": env.text("WATCHBILL_LOG_LEVEL", "INFO")},
        # What was refused is no news, and its address may hold the secret of a link.
        "django.request": {"level": "ERROR"},
    },
}

# Channels: how people are reached. Who is reached, and when, is in the plan.
CHANNELS = channel_settings.read()
#: Providers of one kind in the order in which they are tried, such as two for SMS.
CHANNEL_ORDER = env.words("WATCHBILL_CHANNEL_ORDER")
#: Networks that watchbill may call although they are not public.
EGRESS_ALLOW = env.networks("WATCHBILL_EGRESS_ALLOW")

# The engine, seen from outside.
#: What a watchdog outside gave us to call while people are being paged.
HEARTBEAT_URL = env.secret("WATCHBILL_HEARTBEAT_URL")
#: Beyond so many a minute, what waits for one recipient is said in a digest.
MESSAGES_A_MINUTE = env.count("WATCHBILL_MESSAGES_A_MINUTE", "5")
HEARTBEAT_EVERY = env.seconds("WATCHBILL_HEARTBEAT_EVERY", "60")
#: What Prometheus must show to read the metrics; without it, only this machine may.
METRICS_TOKEN = env.secret("WATCHBILL_METRICS_TOKEN")
#: When whoever is on call gets a test page, in the plan's zone; None is never.
PAGING_TEST = env.weekly("WATCHBILL_PAGING_TEST", "fri 10:00")
