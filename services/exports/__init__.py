"""Rows as files for accountants and auditors: read page by page, so that memory stays the same however many there are."""

from services.exports.columns import EXPORTED, ExportKind
from services.exports.formats import ExportFormat
from services.exports.reading import Export, Range, record_export

__all__ = ["EXPORTED", "Export", "ExportFormat", "ExportKind", "Range", "record_export"]
