"""How this site words its answers: envelopes, errors, records, with the quirks of the options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from sandbox.common.backend import ApiResponse
from sandbox.framework360.errors import RefusedError
from sandbox.framework360.options import Options
from sandbox.framework360.store import Customer

_MESSAGES = {
    "invalid_api_key": "Chiave API non valida",
    "permission_denied": "La chiave non e' abilitata a questa funzione",
    "endpoint_not_found": "Chiamata sconosciuta",
    "not_found": "Elemento non trovato",
    "missing_parameter": "Parametro obbligatorio mancante",
    "invalid_field": "Campo non valido",
    "email_exists": "Esiste gia' un cliente con questa e-mail",
    "duplicate_sku": "SKU gia' usato",
    "customer_not_found": "Cliente non trovato",
    "too_many_requests": "Troppe richieste",
}
_HTTP_CODES = {"invalid_api_key": 401, "permission_denied": 403}
_HTML_404 = (
    b"<!DOCTYPE html><html lang='it'><head><title>404</title></head><body><h1>Pagina non trovata</h1></body></html>"
)


class Answers:
    """Words answers for one set of options.

    The small wordings are attributes, not methods, because a page of products takes thousands of them: `record_id`
    words the id of a record that is read, `reference` that of another record inside it, `money` an amount, `flags` is
    indexed by 0 or 1, false or true; `no_text` stands for an empty text.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zone = ZoneInfo(options.timezone)
        self._status = {"number": 1, "text": "1", "boolean": True}[options.status_as]
        self.record_id: Callable[[int], Any] = int if options.ids_as == "number" else str
        self.reference: Callable[[int], Any] = str if options.ids_as == "text" else int
        self.money: Callable[[Decimal], Any] = str if options.money_as == "text" else float
        self.flags: tuple[Any, Any] = {"number": (0, 1), "text": ("0", "1"), "boolean": (False, True)}[options.flags_as]
        self._no_phone = {"null": None, "empty": ""}.get(options.empty_text_as, "None")
        self.no_text = {"null": None, "empty": "", "mixed": ""}.get(options.empty_text_as, "None")
        self._no_billing_text = None if options.empty_text_as == "mixed" else self.no_text
        self._no_map: Any = [] if options.empty_map_as_list else {}

    @property
    def shows_times(self) -> bool:
        """Whether records carry their times."""
        return self._options.modified_time

    def success(self, data: Any) -> ApiResponse:
        """Return data in the success envelope."""
        return ApiResponse(orjson.dumps({"status": self._status, "data": data}))

    def written(self, record_id: int) -> ApiResponse:
        """Return the acknowledgement of a write with the id of the record."""
        shown = str(record_id) if self._options.ids_as == "text" else record_id
        if self._options.new_id_at == "top":
            return ApiResponse(orjson.dumps({"status": self._status, "id": shown}))
        return self.success({"id": shown})

    def no_record(self) -> ApiResponse:
        """Return what a `*/get` answers for an unknown record."""
        match self._options.unknown_record:
            case "null":
                return self.success(None)
            case "list":
                return self.success([])
            case "object":
                return self.success({})
        return self.failure(RefusedError("not_found"))

    def failure(self, refused: RefusedError) -> ApiResponse:
        """Return the failure envelope."""
        text = _MESSAGES[refused.code] + (f": {refused.detail}" if refused.detail else "")
        content: dict[str, Any] = {"status": 0, "error": refused.code, "message": text}
        if self._options.error_style == "text":
            content = {"status": 0, "error": text}
        elif self._options.error_style == "nested":
            content = {"status": 0, "error": refused.code, "data": {"message": text}}
        status = _HTTP_CODES.get(refused.code, 200) if self._options.denied_as == "http" else 200
        return ApiResponse(orjson.dumps(content), status, error=True)

    def unknown_call(self) -> ApiResponse:
        """Return what an unknown path, a wrong method or a missing capability answers."""
        if self._options.unknown_endpoint == "envelope":
            return self.failure(RefusedError("endpoint_not_found"))
        return ApiResponse(_HTML_404, 404, "text/html; charset=utf-8", error=True)

    def throttled(self, params: Mapping[str, Any]) -> ApiResponse:
        """Return "too many requests": HTTP 429, or HTTP 200 with status 0 when params say `{"status": 200}`."""
        refusal = self.failure(RefusedError("too_many_requests"))
        headers = {"Retry-After": str(params["retry_after"])} if "retry_after" in params else {}
        return ApiResponse(refusal.body, int(params.get("status", 429)), headers=headers, error=True)

    def text(self, value: str) -> str | None:
        """Word a text that may be empty."""
        return value or self.no_text

    def code(self, value: str) -> str | None:
        """Word a phone, a courier or a tracking code, which this site may show as "None" when it is empty."""
        return value or self._no_phone

    def custom_fields(self, value: dict[str, Any] | None) -> Any:
        """Word custom fields; PHP writes an empty map as `[]`."""
        return value or self._no_map

    def flag(self, value: int) -> Any:
        """Word a flag, given as 0 or 1, false or true."""
        return self.flags[value]

    def time(self, value: datetime) -> str:
        """Word a time in the time zone of the site, without offset."""
        return value.astimezone(self._zone).isoformat(" ", "seconds")[:19]

    def day(self, value: datetime) -> str:
        """Word the day of a time in the time zone of the site."""
        return value.astimezone(self._zone).strftime("%Y-%m-%d")

    def customer(self, customer: Customer) -> dict[str, Any]:
        """Word a customer as `customers/get` and the lists show it."""
        text, phone = self.no_text, self._no_phone
        record = {
            "id": self.record_id(customer.id),
            "nome": customer.nome or text,
            "cognome": customer.cognome or text,
            "formatted_name": f"{customer.nome} {customer.cognome}".strip() or text,
            "email": customer.email or text,
            "telefono_cellulare": customer.mobile or phone,
            "telefono_casa": customer.landline or phone,
            "indirizzo": customer.indirizzo or text,
            "cap": customer.cap or text,
            "comune": customer.comune or text,
            "citta": customer.citta or text,
            "stato": customer.stato or text,
            "dati_fatturazione": self._billing(customer.billing),
            "provenienza": self.reference(customer.source),
            "marketing_active": self.flags[customer.marketing_active],
            "marketing_list": [self.reference(found) for found in customer.lists],
            "tags": customer.tags,
            "extraFields": self.custom_fields(customer.extra),
        }
        if self.shows_times:
            record["data_registrazione"] = self.time(customer.registered)
            record["data_modifica"] = self.time(customer.modified)
        return record

    def _billing(self, billing: dict[str, str] | None) -> Any:
        if not billing:
            return self._no_map
        shown: dict[str, Any] = {
            "ragione_sociale": self._no_billing_text,
            "piva": self._no_billing_text,
            "cf": self._no_billing_text,
            "pec": self._no_billing_text,
        }
        shown.update({key: value or self._no_billing_text for key, value in billing.items()})
        shown[self._options.sdi_reads_as] = shown.pop("cod_univoco", self._no_billing_text)
        return shown
