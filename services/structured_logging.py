"""Logging, configured in one place: JSON lines in production, readable ones elsewhere, to stderr, without secrets and personal data."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from settings import Settings

MASK = "[hidden]"
"""What stands in a log line where something may not be told."""

MAX_TEXT = 20_000
"""Characters of one text in a log line; what is longer is cut, for callers choose the length of paths and headers."""

_HIDDEN_NAMES = re.compile(r"(?i)authorization|cookie|secret|password|token|api_?key|email|phone|card|address")
_HIDDEN_TEXT = re.compile(
    r"(?:sk|rk)_(?:test|live)_\w+"  # Stripe's keys
    r"|whsec_[\w+/=-]+"  # of webhooks, Stripe's and ours
    r"|\w{1,128}_secret_\w+"  # client secrets of intents and sessions
    r"|eyJ[\w-]{8,}(?:\.[\w-]*){0,2}"  # tokens
    r"|(?i:bearer)\s+[\w.~+/=-]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password@ of an address
    r"|[\w.+-]{1,64}@[\w-]+\.[\w.-]+"  # e-mail addresses (64: RFC 5321 section 4.5.3.1.1)
    r"|development-only-\w+"
)
_QUIET = (
    *("httpx", "httpcore", "stripe", "aiosqlite", "asyncio", "tortoise", "tortoise.db_client", "uvicorn.access", "uvicorn.error"),
    *("fontTools", "fpdf"),  # hundreds of lines for each PDF
)


def configure(settings: Settings) -> None:
    """Send every log line of this process, ours and the libraries', through one chain to stderr. May be called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [structlog.processors.JSONRenderer()] if settings.production else [structlog.dev.ConsoleRenderer(colors=False)]
    final: list[Processor] = [structlog.processors.format_exc_info, hide, structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=final, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def hide(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Mask values whose name says that they are secret or personal, and secrets that stand within other text."""
    for name, value in event.items():
        event[name] = MASK if value is not None and _HIDDEN_NAMES.search(name) else masked(value)
    return event


def masked(value: Any) -> Any:
    """The value with secrets and e-mail addresses in its strings masked, through lists and mappings."""
    match value:
        case str():
            return _readable(value)
        case dict():
            return {key: MASK if _HIDDEN_NAMES.search(str(key)) else masked(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [masked(item) for item in value]
        case bool() | int() | float() | None:
            return value
    return _readable(str(value))


def _readable(text: str) -> str:
    """Every pattern takes time in proportion to the text, whatever the text is."""
    kept = _HIDDEN_TEXT.sub(MASK, text[:MAX_TEXT])
    return kept if len(text) <= MAX_TEXT else f"{kept}[cut]"
