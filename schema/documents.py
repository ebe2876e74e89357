"""Documents made ready to run: parsed, measured and validated once, then kept by their text."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)

from schema.error_codes import ErrorCode
from schema.limits import Limits, Measurement, NestedTooDeeply, known_variables, oversized, too_complex, too_costly

MAX_DOCUMENTS: Final = 500
"""Documents kept; the one used longest ago goes first."""

MAX_TOKENS_KEPT: Final = 200_000
"""Tokens of all documents kept; a token takes about 700 bytes of memory once parsed."""

MAX_ERRORS: Final = 20
"""Errors after which a document is read no further."""


Operations = tuple[OperationDefinitionNode, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One document: either it has `errors`, or `node` can run. `unmeasured` are operations whose cost depends on the variables."""

    node: DocumentNode | None
    operations: Operations = ()
    unmeasured: Operations = ()
    errors: tuple[GraphQLError, ...] = ()

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """The operation to run: the one named, or the only one. A GraphQLError when that says none, or several, or a subscription."""
        found = [node for node in self.operations if name is None or (node.name and node.name.value == name)]
        if not found:
            raise bad_input("The document has no operation." if name is None else "The document has no operation named by operationName.")
        if len(found) > 1:
            raise bad_input("The document has several operations: say by operationName which one to run.")
        if found[0].operation is OperationType.SUBSCRIPTION:
            raise bad_input("Subscriptions are not answered here: send a query or a mutation.")
        return found[0]


class Documents:
    """The documents of one schema. With `introspection` off, documents that ask for the schema are refused, and errors suggest no names."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, introspection: bool) -> None:
        self._schema = schema
        self._limits = limits
        self._introspection = introspection
        self._rules: list[type[ASTValidationRule]] = [*specified_rules, *(() if introspection else (NoSchemaIntrospectionCustomRule,))]
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._tokens = 0

    def prepare(self, text: str) -> Document:
        """The document of this text. Valid ones are kept; invalid ones are not, so that they cannot push others out."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
            return document
        document = self._read(text)
        if document.node is not None and not document.errors:
            self._keep(text, document)
        return document

    def check_cost(self, document: Document, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
        """Raise a GraphQLError when an operation whose cost depends on its variables is too costly with these."""
        if document.node is None or operation not in document.unmeasured:
            return
        size = Measurement(self._schema, document.node, self._limits, known_variables(operation, variables)).operation(operation)
        if size.cost > self._limits.cost:
            raise too_costly(size, self._limits, operation)

    def _read(self, text: str) -> Document:
        if len(text) > self._limits.characters:
            return Document(None, errors=(too_complex(f"The document is longer than {self._limits.characters} characters."),))
        try:
            node = parse(text, max_tokens=self._limits.tokens, allow_empty_selection_sets=False)
        except GraphQLError as error:
            return Document(None, errors=(coded(error, ErrorCode.GRAPHQL_PARSE_FAILED),))
        operations = tuple(part for part in node.definitions if isinstance(part, OperationDefinitionNode))
        errors, unmeasured = self._measured(node, operations)
        errors = errors or _unstorable(node, text) or self._validated(node)
        return Document(node, operations, unmeasured, tuple(errors))

    def _measured(self, node: DocumentNode, operations: Operations) -> tuple[list[GraphQLError], Operations]:
        measurement = Measurement(self._schema, node, self._limits)
        errors: list[GraphQLError] = []
        costly: list[OperationDefinitionNode] = []
        try:
            for operation in operations:
                size = measurement.operation(operation)
                errors += oversized(size, self._limits, operation)
                if size.cost > self._limits.cost:
                    errors += [] if measurement.assumed else [too_costly(size, self._limits, operation)]
                    costly.append(operation)
            errors += [error for size in measurement.fragments() for error in oversized(size, self._limits)]
            errors += oversized(measurement, self._limits)
        except NestedTooDeeply:
            errors = [too_complex(f"The document nests more than {self._limits.nesting} levels of fields and fragments.")]
        return errors[:MAX_ERRORS], tuple(costly)

    def _validated(self, node: DocumentNode) -> list[GraphQLError]:
        found = validate(self._schema, node, self._rules, max_errors=MAX_ERRORS, hide_suggestions=not self._introspection)
        return [coded(error, ErrorCode.GRAPHQL_VALIDATION_FAILED) for error in found]

    def _keep(self, text: str, document: Document) -> None:
        self._kept[text] = document
        self._tokens += document.node.token_count if document.node else 0
        while len(self._kept) > MAX_DOCUMENTS or self._tokens > MAX_TOKENS_KEPT:
            _, dropped = self._kept.popitem(last=False)
            self._tokens -= dropped.node.token_count if dropped.node else 0


class _StringLiterals(Visitor):
    """Finds a string that no database stores: GraphQL's escapes can write NUL."""

    found = False

    def enter_string_value(self, node: StringValueNode, *_args: Any) -> None:
        self.found = self.found or "\0" in node.value


def _unstorable(node: DocumentNode, text: str) -> list[GraphQLError]:
    if "\\u" not in text and "\0" not in text:
        return []
    literals = _StringLiterals()
    visit(node, literals)
    return [bad_input("A string in the document holds a NUL character: leave it out.")] if literals.found else []


def bad_input(message: str) -> GraphQLError:
    """An error of the request rather than of its document."""
    return GraphQLError(message, extensions={"code": ErrorCode.BAD_USER_INPUT})


def coded(error: GraphQLError, code: ErrorCode) -> GraphQLError:
    """The error with its kind in `extensions.code`, unless it has one."""
    error.extensions = {"code": code} | (error.extensions or {})
    return error
