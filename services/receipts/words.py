"""The words on receipts, by language; one that is not here has the English ones, with dates and amounts as its locale has them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """`ending` has {brand} and {last4}."""

    receipt: str
    credit_note: str
    issued: str
    paid_on: str
    customer: str
    seller: str
    tax_number: str
    description: str
    quantity: str
    unit: str
    amount: str
    subtotal: str
    discount: str
    tax: str
    tax_included: str
    other: str
    total: str
    credit: str
    carried: str
    besides: str
    paid: str
    due: str
    method: str
    ending: str
    refund: str
    kept: str
    refunded: str
    original: str
    reference: str
    erased: str
    void: str
    colon: str = ":"


ENGLISH = Words(
    receipt="Receipt",
    credit_note="Credit note",
    issued="Issued",
    paid_on="Paid on",
    customer="Customer",
    seller="Sold by",
    tax_number="Tax number",
    description="Description",
    quantity="Quantity",
    unit="Unit price",
    amount="Amount",
    subtotal="Subtotal",
    discount="Discount",
    tax="Tax",
    tax_included="Tax included",
    other="Other items",
    total="Total",
    credit="From credit",
    carried="From earlier invoices",
    besides="Other payments",
    paid="Paid",
    due="Still due of the invoice",
    method="Payment method",
    ending="{brand} ending {last4}",
    refund="Refund",
    kept="Remaining after refunds",
    refunded="Refunded",
    original="For receipt",
    reference="Reference",
    erased="Personal data erased",
    void="This refund did not go through: the credit note is void.",
)

GERMAN = Words(
    receipt="Zahlungsbeleg",
    credit_note="Erstattungsbeleg",
    issued="Ausgestellt",
    paid_on="Bezahlt am",
    customer="Kunde",
    seller="Verkauft von",
    tax_number="Steuernummer",
    description="Bezeichnung",
    quantity="Menge",
    unit="Einzelpreis",
    amount="Betrag",
    subtotal="Zwischensumme",
    discount="Rabatt",
    tax="Steuer",
    tax_included="Enthaltene Steuer",
    other="Sonstige Posten",
    total="Summe",
    credit="Aus Guthaben",
    carried="Aus früheren Rechnungen",
    besides="Andere Zahlungen",
    paid="Bezahlt",
    due="Von der Rechnung noch offen",
    method="Zahlungsart",
    ending="{brand} mit Endziffern {last4}",
    refund="Erstattung",
    kept="Nach Erstattungen verbleibend",
    refunded="Erstattet",
    original="Zu Beleg",
    reference="Referenz",
    erased="Personendaten gelöscht",
    void="Diese Erstattung kam nicht zustande: der Beleg ist ungültig.",
)

FRENCH = Words(
    receipt="Reçu",
    credit_note="Avoir",
    issued="Émis le",
    paid_on="Payé le",
    customer="Client",
    seller="Vendu par",
    tax_number="Numéro fiscal",
    description="Désignation",
    quantity="Quantité",
    unit="Prix unitaire",
    amount="Montant",
    subtotal="Sous-total",
    discount="Remise",
    tax="Taxe",
    tax_included="Taxe comprise",
    other="Autres postes",
    total="Total",
    credit="Sur crédit",
    carried="De factures antérieures",
    besides="Autres paiements",
    paid="Payé",
    due="Reste dû sur la facture",
    method="Moyen de paiement",
    ending="{brand} se terminant par {last4}",
    refund="Remboursement",
    kept="Reste après remboursements",
    refunded="Remboursé",
    original="Pour le reçu",
    reference="Référence",
    erased="Données personnelles effacées",
    void="Ce remboursement n'a pas abouti : l'avoir est nul.",
    colon="\u00a0:",
)

SPANISH = Words(
    receipt="Recibo",
    credit_note="Nota de crédito",
    issued="Emitido",
    paid_on="Pagado el",
    customer="Cliente",
    seller="Vendido por",
    tax_number="Número fiscal",
    description="Descripción",
    quantity="Cantidad",
    unit="Precio unitario",
    amount="Importe",
    subtotal="Subtotal",
    discount="Descuento",
    tax="Impuesto",
    tax_included="Impuesto incluido",
    other="Otros conceptos",
    total="Total",
    credit="Con saldo a favor",
    carried="De facturas anteriores",
    besides="Otros pagos",
    paid="Pagado",
    due="Pendiente de la factura",
    method="Método de pago",
    ending="{brand} terminada en {last4}",
    refund="Reembolso",
    kept="Restante tras reembolsos",
    refunded="Reembolsado",
    original="Del recibo",
    reference="Referencia",
    erased="Datos personales suprimidos",
    void="Este reembolso no se realizó: la nota de crédito es nula.",
)


WORDS = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}


def words_of(language: str) -> Words:
    """The words of a language (ISO 639, lower case)."""
    return WORDS.get(language, ENGLISH)
