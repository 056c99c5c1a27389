"""Numbers of Asia, Africa and Oceania."""

from __future__ import annotations

from strongroom.discover.recognizers.national_id._kind import (
    AT_HOME,
    BARE,
    LETTERED,
    STRONG,
    kind,
)  # fmt: skip

RULES = (
    *kind("cn.ric", "身份证 身份证号 身份证号码 公民身份号码 居民身份证 identity id", {
          "999999999999999999": STRONG, "99999999999999999A": STRONG},
          examples=("360426199101010071",)),
    *kind("tw.id", "身分證 身分證字號 統一編號 identity", {"A999999999": AT_HOME},
          examples=("A123456789",)),
    *kind("hk.id", "hkid 身份證 身份證號碼 identity", {
          "A999999(9)": STRONG, "A999999(A)": STRONG, "AA999999(9)": STRONG,
          "A9999999": AT_HOME}, examples=("A123456(3)", "A1234563")),
    *kind("jp.mynumber", "マイナンバー 個人番号 mynumber", {
          "999999999999": BARE, "9999-9999-9999": BARE, "9999 9999 9999": BARE},
          examples=("4821 7730 5612",)),
    *kind("kr.rrn", "rrn 주민등록번호 주민번호 resident", {
          "9999999999999": BARE, "999999-9999999": STRONG}, examples=("971013-9019902",)),
    *kind("in.aadhaar", "aadhaar aadhar uidai uid आधार", {
          "999999999999": BARE, "9999 9999 9999": LETTERED, "9999-9999-9999": AT_HOME},
          examples=("2341 2341 2346", "234123412346")),
    *kind("in.vid", "vid aadhaar", {"9999999999999999": BARE, "9999 9999 9999 9999": BARE},
          examples=("4738 2091 5567 8207",)),
    *kind("in.pan", "pan permanent", {"AAAAA9999A": AT_HOME}, examples=("ACUPA7085R",),
          validated=False),
    *kind("in.epic", "epic voter election", {"AAA9999999": BARE}, examples=("WKH1186253",)),
    *kind("id.nik", "nik ktp", {"9999999999999999": BARE}, examples=("3171011708450001",),
          validated=False),
    *kind("my.nric", "nric mykad ic kad", {"999999999999": BARE, "999999-99-9999": STRONG},
          examples=("770305-02-1234",), validated=False),
    *kind("sg.nric", "nric fin singpass", {"A9999999A": AT_HOME}, examples=("S1234567D",)),
    *kind("th.pin", "เลขประจำตัวประชาชน thai pin บัตรประชาชน", {
          "9999999999999": AT_HOME, "9-9999-99999-99-9": STRONG, "9 9999 99999 99 9": STRONG},
          examples=("1-2345-45678-78-1",)),
    *kind("vn.cccd", "cccd cmnd căn cước", {"999999999999": BARE}, validated=False,
          examples=("001190012345",)),
    *kind("pk.cnic", "cnic nadra", {"9999999999999": BARE, "99999-9999999-9": LETTERED},
          examples=("34201-0891231-8",), validated=False),
    *kind("il.idnr", "teudat zehut mispar תעודת זהות", {
          "999999999": BARE, "99999999-9": BARE, "9999999-9": BARE}, examples=("039337423",)),
    *kind("ir.melli", "کدملی ملی melli", {"9999999999": BARE, "999-999999-9": AT_HOME},
          examples=("0084575948",)),
    *kind("ae.eid", "emirates eid هوية", {"999999999999999": LETTERED,
          "999-9999-9999999-9": STRONG}, examples=("784-1984-3456789-1",)),
    *kind("sa.id", "iqama هوية إقامة saudi", {"9999999999": BARE}, examples=("1000000008",)),
    *kind("kw.civil", "kuwait مدني civil", {"999999999999": BARE}, examples=("285071501234",)),
    *kind("eg.nid", "قومي egypt egyptian", {"99999999999999": BARE}, validated=False,
          examples=("29001150112345",)),
    *kind("lk.nic", "nic", {"999999999999": BARE, "999999999A": BARE}, validated=False,
          examples=("198512300123",)),
    *kind("za.idnr", "rsa sa south african", {"9999999999999": AT_HOME, "999999 9999 999": STRONG,
          "999999 9999 99 9": STRONG}, examples=("7503305044089", "750330 5044 089")),
    *kind("za.tin", "sars income tin", {"9999999999": BARE, "9999/999/99/9": AT_HOME},
          examples=("0001339050",)),
    *kind("ng.nin", "nin nimc", {"99999999999": BARE}, examples=("12345678901",)),
    *kind("ke.pin", "kra pin", {"A999999999A": AT_HOME}, examples=("A004416331M",),
          validated=False),
    *kind("gh.tin", "gra tin ghana", {"A0099999999": BARE, "A009999999A": AT_HOME},
          examples=("C0000803561",)),
    *kind("mu.nid", "nic nid mauritius", {"A9999999999999": BARE, "A999999999999A": BARE},
          examples=("A150389123456C",)),
    *kind("mz.nuit", "nuit", {"999999999": BARE}, examples=("400339910",)),
    *kind("zw.id", "zimbabwe zim", {"99-999999A99": AT_HOME, "99-999999-A-99": STRONG,
          "99-999999 A 99": STRONG, "99-9999999A99": AT_HOME, "99-9999999-A-99": STRONG},
          examples=("63-123456 B 12",)),
    *kind("ma.cin", "cin cnie", {"A999999": BARE, "AA999999": BARE, "AA99999": BARE},
          examples=("BE123456",)),
    *kind("ug.nin", "nin nira", {"AA999999999AAA": BARE}, examples=("CM920301027ABC",)),
    *kind("au.tfn", "tfn tax", {"999999999": BARE, "999 999 999": BARE, "99999999": BARE},
          examples=("123456782", "123 456 782")),
    *kind("au.medicare", "medicare", {
          "9999999999": BARE, "9999 99999 9": AT_HOME, "9999-99999-9": AT_HOME},
          examples=("2123 45670 1",)),
    *kind("au.ihi", "ihi", {"9999999999999999": STRONG, "9999 9999 9999 9999": STRONG},
          examples=("8003608833357361",)),
    *kind("nz.ird", "ird", {"999999999": BARE, "99999999": BARE, "99-999-999": AT_HOME,
          "999-999-999": AT_HOME}, examples=("49-091-850", "136-410-132")),
    *kind("nz.nhi", "nhi", {"AAA9999": AT_HOME, "AAA99AA": AT_HOME},
          examples=("ZAC5361", "ZZZ00AX")),
)  # fmt: skip
