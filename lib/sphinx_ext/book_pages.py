"""What do link previews, search engines and validators read in a page? The edges of its markup."""

from __future__ import annotations

import html
import re
import textwrap

from docutils import nodes

SUMMARY = re.compile(r"<summary\b.*?</summary>", re.DOTALL)
STYLE = re.compile(r"<style\b.*?</style>", re.DOTALL)
DESCRIPTION_LENGTH = 200


def valid_body(body: str) -> tuple[str, str]:
    """A page's body with two things put right that HTML forbids, and what moves to the head.

    myst-nb puts paragraphs into the line that opens a hidden cell, where only words may stand;
    outputs bring style sheets along, which belong into the head.
    """
    body = SUMMARY.sub(lambda found: re.sub(r"(</?)p\b", r"\1span", found.group()), body)
    styles = STYLE.findall(body)
    return STYLE.sub("", body), "".join(dict.fromkeys(styles))


def description(doctree: nodes.document | None, otherwise: str) -> str:
    """The beginning of a page's first paragraph without formulas."""
    paragraphs = [] if doctree is None else doctree.findall(nodes.paragraph)
    plain = (node for node in paragraphs if not list(node.findall(nodes.math)))
    text = next((node.astext() for node in plain), "") or otherwise
    return textwrap.shorten(text, DESCRIPTION_LENGTH, placeholder=" …")


def preview_tags(title: str, about: str, site: str, address: str | None, card: str) -> str:
    """Meta elements for search engines and for the previews of links.

    address: where the page will stand, None if it is not known; previews need whole addresses, so
    without one there is no picture.
    card: the path of the picture within the site, whose address is `site`.
    """
    tags = {
        ("name", "description"): about,
        ("property", "og:type"): "article",
        ("property", "og:title"): title,
        ("property", "og:description"): about,
        ("name", "twitter:card"): "summary" if address is None else "summary_large_image",
    }
    if address is not None:
        tags |= {
            ("property", "og:url"): address,
            ("property", "og:image"): site.rstrip("/") + "/" + card,
            ("property", "og:image:width"): "1200",
            ("property", "og:image:height"): "630",
            ("property", "og:image:alt"): "A rugged landscape, and the smoother ones that noise "
            "makes of it",
        }
    return "".join(
        f'<meta {key}="{name}" content="{html.escape(value)}" />\n'
        for (key, name), value in tags.items()
    )


def first_page(title: str, target: str, tags: str) -> str:
    """The page at the site's own address: it leads on to the introduction."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8" />\n'
        f"<title>{html.escape(title)}</title>\n"
        f'<meta http-equiv="refresh" content="0; url={target}" />\n{tags}'
        '<link rel="icon" href="_static/favicon.svg" />\n</head>\n'
        f'<body>\n<p><a href="{target}">{html.escape(title)}</a></p>\n</body>\n</html>\n'
    )
