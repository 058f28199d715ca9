"""The contracts ask for what they should, and a fault in one is named plainly."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

from pathlib import Path

import pytest
from medimart.errors import SettingError
from medimart.landing import contract as contracts
from medimart.landing.contract import fold, load, match_header, parse

# The seven core extracts, the sessions and the survey: exactly these columns are required.
REQUIRED = {
    "patients": "patient_id nhs_number first_name last_name DOB gender postcode ethnicity risk_level",
    "gp": "gp_id name practice postcode",
    "trusts": "trust_id name region",
    "referrals": "referral_id patient_id gp_id referral_date specialty reason referral_status trust_id notes",
    "appointments": "appointment_id patient_id trust_id specialty appt_date appt_status referral_date wait_weeks",
    "procedures": "procedure_id patient_id procedure_name planned_date actual_date status",
    "conditions": "condition_id patient_id condition_name severity active",
    "sessions": "session_id trust_id specialty session_date session_type planned_slots session_status cancel_reason",
    "experience": "response_id survey_date trust_id specialty answer",
}

# What the NHS can say besides, at least.
OPTIONAL = {
    "patients": "death_date imd_decile lsoa_code prior_admissions interpreter_needed transport_needed",
    "referrals": "pathway_id pathway_issuer rtt_status clock_start_date clock_stop_date received_date "
    "source_of_referral waiting_list_type priority clinical_priority priority_review_date first_activity_date "
    "decision_to_treat_date decision_to_admit_date tci_date tci_offered_date last_validation_date last_validated_by "
    "on_cancer_list transferred_out_date transferred_in mutual_aid_status site_code commissioner_code "
    "consultant_code team is_pifu",
    "appointments": "attendance_code outcome cancelled_by cancel_reason is_communicated delay_reason rtt_status "
    "site_code consultant_code team is_pifu",
    "procedures": "clinical_priority opcs_code decision_to_admit_date tci_date tci_offered_date cancelled_by "
    "cancel_reason delay_reason is_admitted site_code consultant_code",
}


@pytest.mark.parametrize("source", REQUIRED)
def test_required_columns_are_the_agreed_ones(source: str) -> None:
    required = [column.header for column in load(source).columns if column.required]
    assert required == [fold(header) for header in REQUIRED[source].split()]


@pytest.mark.parametrize("source", OPTIONAL)
def test_optional_columns_are_there(source: str) -> None:
    optional = {column.header for column in load(source).columns if not column.required}
    assert optional >= set(OPTIONAL[source].split())


def test_seven_files_make_an_extract_complete() -> None:
    folder = contracts.folder_contracts()
    assert {contract.source for contract in folder} == set(REQUIRED)
    assert {contract.source for contract in folder if contract.required} == set(REQUIRED) - {"sessions", "experience"}


def test_every_contract_says_whose_it_is_and_what_each_column_means() -> None:
    for contract in contracts.all_contracts():
        assert contract.owner, contract.source
        assert contract.licence, contract.source
        assert all(column.meaning for column in contract.columns), contract.source


@pytest.mark.parametrize(
    "header", ["DOB", "dob", " Date of Birth ", "date_of_birth", "DATE-OF-BIRTH", "birth\u00a0date"]
)
def test_headers_match_whatever_their_case_and_spaces(header: str) -> None:
    match = match_header(load("patients"), ["patient_id", header])
    assert match.columns == ("patient_id", "dob")


def test_headers_nobody_knows_are_kept_under_names_of_their_own() -> None:
    match = match_header(load("trusts"), ["trust_id", "Note (1)", "note 1!", "", "", "Note  (1)"])
    assert match.columns == (
        "trust_id", "extra_note_1", "extra_note_1_3", "extra_column_4", "extra_column_5", "extra_note_1_6",
    )  # fmt: skip
    assert match.duplicated == ("Note  (1)",)
    assert match.missing == ("name", "region")


GOOD = """
source: demo
key: [demo_id]
columns:
  demo_id: {type: text, required: true}
  seen: {type: date, formats: [iso, dmy]}
"""

FAULTS = {
    "not YAML": (GOOD + "  [", "is not YAML"),
    "a list": ("- demo", "must hold settings such as `source:`"),
    "an unknown setting": (GOOD + "colums: {}\n", "the contract has the unknown setting `colums`"),
    "no key": (GOOD.replace("key: [demo_id]", ""), "`key` is missing"),
    "a key without brackets": (GOOD.replace("[demo_id]", "demo_id"), "`key` must be a list in [brackets], not 'demo_id'"),
    "another's name": (GOOD.replace("source: demo", "source: other"), "must be the file's own name, demo"),
    "a key that is no column": (GOOD.replace("[demo_id]", "[id]"), "the key `id` is not a column"),
    "an optional key": (GOOD.replace("text, required: true", "text"), "the key `demo_id` must be `required: true`"),
    "a key of dates": (GOOD.replace("[demo_id]", "[seen]").replace("dmy]", "dmy], required: true"),
                       "the key `seen` is of type date"),
    "columns in a list": (GOOD.split("columns")[0] + "columns: [demo_id]", "`columns` must be settings of its own"),
    "a column without a type": (GOOD + "  note: {}\n", "column `note` needs at least `type:`"),
    "an unknown type": (GOOD + "  note: {type: string}\n", "column `note`, type: 'string' is none of text, code"),
    "a misspelt setting": (GOOD + "  note: {type: text, requird: true}\n", "column `note` has the unknown setting `requird`"),
    "a word for yes": (GOOD + "  note: {type: text, required: please}\n", "`required` must be true or false, not 'please'"),
    "an unknown format": (GOOD + "  at: {type: date, formats: [mdy]}\n", "column `at`, formats: 'mdy' is none of iso, dmy"),
    "a code without its words": (GOOD + "  sex: {type: code}\n", "column `sex` is a code and needs `map:`"),
    "no regular expression": (GOOD + "  note: {type: text, pattern: '['}\n", "`pattern` is no regular expression"),
    "a bound in words": (GOOD + "  n: {type: integer, min: none at all}\n", "`min` must be a number, not 'none at all'"),
    "a series without headers": (GOOD + "  n: {type: integer_series}\n", "column `n` is a series and needs `headers:"),
    "one alias for two": (GOOD + "  note: {type: text, aliases: [Demo ID]}\n",
                          "the header 'demo_id' means both `demo_id` and `note`"),
    "one name for two": (GOOD + "  note: {type: text, name: seen}\n", "the typed column `seen` is named twice"),
    "the warehouse's name": (GOOD + "  load_id: {type: text, name: batch}\n", "the column name `load_id` is kept"),
    "a limit in per cent": (GOOD + "quarantine_limit: 5%\n", "`quarantine_limit` must be a number, not '5%'"),
    "a limit over one": (GOOD + "quarantine_limit: 5\n", "`quarantine_limit` is a share, 0 to 1, not 5"),
    "an unknown encoding": (GOOD + "encodings: [latin-1]\n", "encodings: 'latin-1' is none of utf-8, windows-1252"),
    "an unknown delimiter": (GOOD + "delimiter: '::'\n", "delimiter: '::' is none of"),
    "an unknown way with extras": (GOOD + "extras: drop\n", "extras: 'drop' is none of keep, refuse"),
    "an unknown delivery": (GOOD + "delivery: weekly\n", "delivery: 'weekly' is none of full, changes"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_contract_names_the_file_and_the_setting(fault: str, tmp_path: Path) -> None:
    text, message = FAULTS[fault]
    path = tmp_path / "demo.yaml"
    path.write_text(text)
    with pytest.raises(SettingError) as error:
        parse(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_a_good_contract_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "demo.yaml").write_text(GOOD)
    assert parse(tmp_path / "demo.yaml").key == ("demo_id",)


def test_an_unknown_source_is_told_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"no contract .*patiens.*there are appointments, conditions"):
        load("patiens")
