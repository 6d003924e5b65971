"""Cutting long lists into pages."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

PAGE_SIZE = 25


def page_of(request: HttpRequest, rows: QuerySet[Any]) -> Page[Any]:
    """Return the page that the request asks for, or the nearest that exists."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
