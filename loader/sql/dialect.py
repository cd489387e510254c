"""Parse SQL text to a tree: sqlglot's parser without its own functions, and with limits.

Rules kept here:

1. A call arrives as a name with arguments, except calls with their own grammar (CAST, EXTRACT, TRIM, ...).
   ``functions`` alone defines what a function does.
2. Text and tree are limited before anything is evaluated.
"""

import logging
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError
from sqlglot.tokens import TokenType  # type: ignore[attr-defined] # it is exported at run time

from loader.sql.fault import SqlFault

MAX_CHARS = 20_000
"""Maximum length of an expression, enough for a CASE with 400 branches."""

MAX_PARTS = 5_000
"""Maximum number of parts. Each part costs some milliseconds for each 32,768 rows."""

_MAX_DEPTH = 100
"""Maximum nesting. Parsing and evaluating need some stack frames per level."""

OWN_GRAMMAR = frozenset({"CAST", "TRY_CAST", "EXTRACT", "NORMALIZE", "POSITION", "SUBSTRING", "TRIM"})

logging.getLogger("sqlglot").setLevel(logging.ERROR)


class _Tokenizer(tokens.Tokenizer):
    IDENTIFIERS: ClassVar = ['"', "`"]
    KEYWORDS: ClassVar = {
        word: token
        for word, token in tokens.Tokenizer.KEYWORDS.items()
        if word != "DIV"  # this dialect has a function DIV
    } | {"//": TokenType.DIV, "**": TokenType.DSTAR, "==": TokenType.EQ}


class _Parser(parser.Parser):
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar = {"CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    FUNCTION_PARSERS: ClassVar = {
        name: parse for name, parse in parser.Parser.FUNCTION_PARSERS.items() if name in OWN_GRAMMAR
    }
    EXPONENT: ClassVar = {TokenType.DSTAR: exp.Pow}
    STRICT_CAST = True


class ExpressionDialect(Dialect):
    """The SQL of expressions: names are case-sensitive, and backslashes do not escape."""

    Tokenizer = _Tokenizer
    Parser = _Parser


def parsed(sql: str) -> exp.Expression:
    """Return the tree of an expression.

    Raises:
        SqlFault: The text is not a single expression, or too long or too deep.
    """
    if len(sql) > MAX_CHARS:
        raise SqlFault(f"it has {len(sql):,} characters, more than the limit of {MAX_CHARS:,}")
    if _nesting(sql) > _MAX_DEPTH:
        raise SqlFault(f"it is nested more than {_MAX_DEPTH} levels deep")
    try:
        trees = sqlglot.parse(sql, dialect=ExpressionDialect)
    except SqlglotError as error:
        raise SqlFault(_plain(error)) from error
    except RecursionError as error:
        raise SqlFault(f"it is nested more than {_MAX_DEPTH} levels deep") from error
    if len(trees) != 1 or trees[0] is None:
        raise SqlFault("it is not a single expression")
    tree: Any = trees[0]
    _check_size(tree)
    return tree  # type: ignore[no-any-return] # sqlglot's root type is narrower than its trees


def _check_size(tree: Any) -> None:
    parts, open_nodes = 0, [(tree, 0)]
    while open_nodes:
        node, depth = open_nodes.pop()
        parts += 1
        if parts > MAX_PARTS or depth > _MAX_DEPTH:
            raise SqlFault(
                f"it has more than {MAX_PARTS:,} parts, or is nested more than {_MAX_DEPTH} levels deep"
            )
        if node.comments:
            raise SqlFault("'--' and '/*' are not supported: an expression has no comments")
        # A chain such as a || b || c is nested to the left. It is evaluated in a loop.
        in_chain = isinstance(node, exp.Binary)
        open_nodes += [
            (each, depth + (not (in_chain and each is node.this))) for each in node.iter_expressions()
        ]


def _nesting(sql: str) -> int:
    """Return the maximum number of nested parentheses, CASEs or signs."""
    deepest = depth = signs = 0
    for token in _tokens(sql):
        if token.token_type in (TokenType.L_PAREN, TokenType.CASE, TokenType.L_BRACKET):
            depth += 1
        elif token.token_type in (TokenType.R_PAREN, TokenType.END, TokenType.R_BRACKET):
            depth -= 1
        signs = signs + 1 if token.token_type in (TokenType.DASH, TokenType.NOT, TokenType.PLUS) else 0
        deepest = max(deepest, depth, signs)
    return deepest


def _tokens(sql: str) -> list[Any]:
    try:
        return list(ExpressionDialect().tokenize(sql))
    except SqlglotError as error:
        raise SqlFault(_plain(error)) from error


def _plain(error: SqlglotError) -> str:
    details = getattr(error, "errors", None)
    if details:
        what, where = details[0].get("description", "").rstrip("."), details[0].get("col")
        return f"it is not an SQL expression: {what} at character {where}"
    return "it is not an SQL expression: a quote or parenthesis is not closed, or a character is unknown"
