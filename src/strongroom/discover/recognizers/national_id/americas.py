"""Numbers of North, Central and South America; those of the United States stand elsewhere."""

from __future__ import annotations

from strongroom.discover.recognizers.national_id._kind import (
    AT_HOME,
    BARE,
    LETTERED,
    STRONG,
    kind,
)  # fmt: skip

RULES = (
    *kind("ca.sin", "sin nas insurance assurance", {
          "999999999": BARE, "999-999-999": AT_HOME, "999 999 999": BARE},
          examples=("123-456-782", "123456782")),
    *kind("ca.bc_phn", "phn bc carecard", {"9999999999": BARE, "9999 999 999": AT_HOME},
          examples=("9698 658 215",)),
    *kind("ca.on_health", "ohip ontario", {
          "9999999999": BARE, "9999-999-999": AT_HOME, "9999999999AA": AT_HOME,
          "9999-999-999-AA": STRONG, "9999 999 999 AA": STRONG},
          examples=("4532-118-975-AB",)),
    *kind("ca.qc_health", "ramq nam maladie", {
          "AAAA99999999": AT_HOME, "AAAA 9999 9999": STRONG}, validated=False,
          examples=("TREM 8057 2412",)),
    *kind("mx.curp", "curp", {"AAAA999999AAAAAA99": STRONG, "AAAA999999AAAAAAA9": STRONG},
          examples=("BOXW310820HNERXN09",)),
    *kind("mx.rfc", "rfc contribuyentes", {"AAAA999999XXX": AT_HOME, "AAAA-999999-XXX": STRONG},
          examples=("GODE561231GR8",)),
    *kind("mx.nss", "nss imss", {"99999999999": BARE}, examples=("12987643215",)),
    *kind("br.cpf", "cpf", {"99999999999": AT_HOME, "999.999.999-99": STRONG},
          examples=("390.533.447-05", "39053344705")),
    *kind("br.pis", "pis pasep nis nit", {
          "99999999999": BARE, "999.99999.99-9": STRONG, "999.999.999-99": BARE},
          examples=("120.74562.31-6",)),
    *kind("br.titulo", "título titulo eleitor", {"999999999999": BARE, "9999 9999 9999": BARE},
          examples=("004356870906",)),
    *kind("ar.cuil", "cuil cuit", {"99999999999": BARE, "99-99999999-9": STRONG},
          examples=("20-05536168-2",)),
    *kind("ar.dni", "dni documento", {"99.999.999": BARE, "99999999": BARE},
          examples=("27.345.678",)),
    *kind("cl.rut", "rut run", {
          "99999999-9": AT_HOME, "99999999-A": AT_HOME, "99.999.999-9": STRONG,
          "99.999.999-A": STRONG, "9999999-9": BARE, "9.999.999-9": AT_HOME,
          "9.999.999-A": AT_HOME}, examples=("12531909-2", "12.531.909-2")),
    *kind("co.nit", "nit cédula cedula", {
          "99999999-9": BARE, "999999999-9": BARE, "999.999.999-9": LETTERED,
          "9999999999-9": BARE}, examples=("213.123.432-1",)),
    *kind("cr.cpf", "cédula cedula", {"9-9999-9999": BARE, "99-9999-9999": BARE},
          examples=("1-0913-0259",)),
    *kind("cu.ni", "carné carne identidad", {"99999999999": BARE}, validated=False,
          examples=("91021027775",)),
    *kind("do.cedula", "cédula cedula", {"99999999999": BARE, "999-9999999-9": STRONG},
          examples=("001-1391820-5",)),
    *kind("ec.ci", "cédula cedula ci", {"9999999999": BARE, "999999999-9": AT_HOME},
          examples=("1714307103", "171430710-3")),
    *kind("gt.cui", "cui dpi", {"9999999999999": AT_HOME, "9999 99999 9999": STRONG},
          examples=("1632 11051 0101",)),
    *kind("sv.dui", "dui", {"999999999": BARE, "99999999-9": AT_HOME}, examples=("00016297-5",)),
    *kind("pe.dni", "dni cui documento", {"99999999-9": BARE, "99999999-A": BARE},
          examples=("10117410-2",)),
    *kind("pe.ruc", "ruc contribuyente", {"99999999999": BARE}, examples=("20512333797",)),
    *kind("py.ruc", "ruc ci cédula", {"999999-9": BARE, "9999999-9": AT_HOME, "99999999-9": BARE},
          examples=("80028061-0",)),
    *kind("uy.ci", "ci cédula cedula", {"99999999": BARE, "9.999.999-9": STRONG,
          "9999999-9": AT_HOME}, examples=("1.234.567-2",)),
    *kind("ve.rif", "rif", {"A999999999": BARE, "A-99999999-9": STRONG},
          examples=("V-11470283-4",)),
)  # fmt: skip
