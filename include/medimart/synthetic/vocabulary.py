"""The words that synthetic extracts are made of: people, places, specialties, procedures, conditions, and
the several spellings ("dialects") in which hospital systems write one code.

Names of persons, trusts and practices are invented. Trust codes (`ZA1` …) and practice codes (`Z90001` …) are
made to look like ODS codes and belong to no organisation. Postcode districts and integrated care boards are
real, so that geography and deprivation can be joined; no real trust is given an invented figure.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Specialty:
    """A published treatment function as the generator uses it.

    code: published treatment function.
    texts: how extracts write it.
    weight: share of new RTT periods (per mille, after the January 2026 publication).
    admitted: share of completed periods that end with an admission (the same source, parts 1A and 1B).
    pace: length of waits against the average.
    """

    code: str
    texts: tuple[str, ...]
    weight: int
    admitted: float
    pace: float


@dataclass(frozen=True)
class Procedure:
    """A procedure: its name, OPCS-4 code, role (as in the seed procedure_role) and whether it needs admission."""

    name: str
    opcs: str
    role: str
    is_admitted: bool


@dataclass(frozen=True)
class TrustName:
    """A fictional trust: its name, code, region, board, commissioner, and postcode districts with their decile."""

    name: str
    code: str
    region: str
    icb_code: str
    icb_name: str
    commissioner: str
    districts: dict[str, int]
    community: str


SPECIALTIES: tuple[Specialty, ...] = (
    Specialty("100", ("General Surgery", "general surgery", "Gen Surg", "100"), 51, 0.33, 1.02),
    Specialty("101", ("Urology", "UROLOGY", "Urology ", "101"), 54, 0.25, 0.97),
    Specialty(
        "110",
        ("Trauma & Orthopaedics", "Orthopaedics", "T&O", "trauma and orthopaedics", "110", "Orthopedics"),
        92,
        0.31,
        1.06,
    ),
    Specialty("120", ("ENT", "Ear, Nose and Throat", "E.N.T.", "Ear Nose & Throat", "120"), 63, 0.13, 1.15),
    Specialty("130", ("Ophthalmology", "OPHTHALMOLOGY", "Eye Clinic", "Opthalmology", "130"), 100, 0.33, 0.80),
    Specialty("140", ("Oral Surgery", "Maxillofacial Surgery", "Oral & Maxillofacial Surgery", "140"), 32, 0.26, 1.18),
    Specialty("150", ("Neurosurgery", "neurosurgery ", "150"), 7, 0.23, 1.00),
    Specialty("160", ("Plastic Surgery", "Plastics", "160"), 13, 0.54, 1.12),
    Specialty("170", ("Cardiothoracic Surgery", "Cardiothoracic", "170"), 2, 0.53, 0.80),
    Specialty("300", ("General Internal Medicine", "General Medicine", "300"), 6, 0.11, 0.86),
    Specialty("301", ("Gastroenterology", "Gastro", "gastroenterology", "301"), 56, 0.24, 0.92),
    Specialty("320", ("Cardiology", "CARDIOLOGY", "cardiology ", "320"), 51, 0.14, 0.93),
    Specialty("330", ("Dermatology", "dermatology", "Skin Clinic", "330"), 64, 0.11, 1.00),
    Specialty("340", ("Respiratory Medicine", "Chest Medicine", "Respiratory", "340"), 31, 0.05, 0.82),
    Specialty("400", ("Neurology", "NEUROLOGY", "400"), 23, 0.02, 1.06),
    Specialty("410", ("Rheumatology", "Rheumatology ", "410"), 17, 0.05, 0.88),
    Specialty("430", ("Elderly Medicine", "Care of the Elderly", "Geriatric Medicine", "430"), 6, 0.05, 0.65),
    Specialty("502", ("Gynaecology", "GYNAECOLOGY", "Gynae", "502"), 68, 0.15, 1.07),
    Specialty("X02", ("Endocrinology", "Diabetic Medicine", "Nephrology", "Clinical Oncology", "302"), 100, 0.10, 0.90),
    Specialty("X03", ("Adult Mental Illness", "Old Age Psychiatry"), 1, 0.01, 0.70),
    Specialty("X04", ("Paediatrics", "Paediatric Surgery", "PAEDIATRICS"), 44, 0.14, 0.95),
    Specialty(
        "X05", ("Vascular Surgery", "Colorectal Surgery", "Breast Surgery", "Gynaecological Oncology"), 87, 0.18, 0.97
    ),
    Specialty("X06", ("Audiology", "Physiotherapy", "Podiatry"), 32, 0.0, 0.76),
)

_T, _D, _M, _A = "treatment", "diagnostic", "monitoring", "pre_assessment"


def _p(name: str, opcs: str, role: str = _T, is_admitted: bool = True) -> Procedure:
    return Procedure(name, opcs, role, is_admitted)


TREATMENTS: dict[str, tuple[Procedure, ...]] = {
    "100": (_p("Laparoscopic Cholecystectomy", "J18.3"), _p("Inguinal Hernia Repair", "T20.2")),
    "101": (_p("Transurethral Resection of Prostate", "M65.3"), _p("Circumcision", "N30.3")),
    "110": (
        _p("Total Hip Replacement", "W37.1"),
        _p("Total Knee Replacement", "W40.1"),
        _p("Carpal Tunnel Release", "A65.1"),
        _p("Knee Arthroscopy", "W82.2"),
    ),
    "120": (_p("Tonsillectomy", "F34.4"), _p("Septoplasty", "E03.6"), _p("Grommet Insertion", "D15.1")),
    "130": (_p("Cataract Surgery", "C71.2"), _p("Trabeculectomy", "C60.1")),
    "140": (_p("Wisdom Tooth Extraction", "F09.1"), _p("Dental Clearance", "F10.1")),
    "150": (_p("Lumbar Decompression", "V25.4"),),
    "160": (_p("Skin Graft", "S35.3"), _p("Breast Reconstruction", "B29.2")),
    "170": (_p("Coronary Artery Bypass Graft", "K45.3"),),
    "300": (_p("Venesection", "X36.2"),),
    "301": (_p("Endoscopic Polypectomy", "H20.1"),),
    "320": (_p("Coronary Angioplasty", "K75.1"), _p("Pacemaker Insertion", "K60.6")),
    "330": (_p("Skin Lesion Excision", "S06.5"),),
    "340": (_p("Pleural Drainage", "T12.4"),),
    "400": (_p("Botulinum Toxin Injection", "X85.1"),),
    "410": (_p("Joint Injection", "W90.3"),),
    "430": (_p("Iron Infusion", "X29.2"),),
    "502": (_p("Hysterectomy", "Q07.4"), _p("Endometrial Ablation", "Q16.6"), _p("Ovarian Cystectomy", "Q43.8")),
    "X02": (
        _p("Chemotherapy Infusion", "X72.3"),
        _p("Iron Infusion", "X29.2"),
        _p("Arteriovenous Fistula Formation", "L74.2"),
    ),
    "X03": (_p("Electroconvulsive Therapy", "A83.8"),),
    "X04": (_p("Orchidopexy", "N09.2"), _p("Grommet Insertion", "D15.1")),
    "X05": (_p("Varicose Vein Ablation", "L84.6"), _p("Haemorrhoidectomy", "H51.1")),
}

OUTPATIENT_TREATMENTS: dict[str, Procedure] = {
    "330": _p("Cryotherapy", "S10.1", is_admitted=False),
    "410": _p("Joint Injection", "W90.3", is_admitted=False),
    "110": _p("Joint Injection", "W90.3", is_admitted=False),
    "130": _p("Intravitreal Injection", "C79.4", is_admitted=False),
    "120": _p("Microsuction of Ear", "D07.1", is_admitted=False),
}

DIAGNOSTICS: dict[str, Procedure] = {
    "100": _p("CT Scan", "U21.2", _D, False),
    "101": _p("Flexible Cystoscopy", "M45.9", _D, False),
    "110": _p("MRI Scan", "U21.1", _D, False),
    "120": _p("Nasendoscopy", "E25.9", _D, False),
    "130": _p("Optical Coherence Tomography", "C87.3", _D, False),
    "150": _p("MRI Scan", "U21.1", _D, False),
    "300": _p("CT Scan", "U21.2", _D, False),
    "301": _p("Colonoscopy", "H22.9", _D),
    "320": _p("Echocardiogram", "U20.1", _D, False),
    "340": _p("Bronchoscopy", "E51.9", _D),
    "400": _p("Nerve Conduction Study", "A84.2", _D, False),
    "430": _p("CT Scan", "U21.2", _D, False),
    "502": _p("Hysteroscopy", "Q18.9", _D),
    "X02": _p("Ultrasound Scan", "U21.6", _D, False),
    "X05": _p("Ultrasound Scan", "U21.6", _D, False),
}

PRE_ASSESSMENT = _p("Pre-operative Assessment", "X62.1", _A, False)

SURVEILLANCE: tuple[tuple[str, Procedure], ...] = (
    ("301", _p("Surveillance Colonoscopy", "H22.9", _M)),
    ("101", _p("Surveillance Cystoscopy", "M45.9", _M)),
    ("110", _p("Removal of Metalwork", "W28.3")),
    ("400", _p("Botulinum Toxin Injection", "X85.1")),
)

CONDITIONS: tuple[tuple[str, int], ...] = (  # name, share per mille of entries
    ("Hypertension", 190),
    ("Type 2 Diabetes", 110),
    ("type 2 diabetes mellitus", 20),
    ("Asthma", 100),
    ("COPD", 60),
    ("Chronic Obstructive Pulmonary Disease", 15),
    ("Depression", 85),
    ("Anxiety", 60),
    ("Osteoarthritis", 80),
    ("Chronic Kidney Disease", 55),
    ("CKD", 15),
    ("Coronary Heart Disease", 45),
    ("Heart Failure", 30),
    ("Atrial Fibrillation", 40),
    ("Stroke", 20),
    ("Cancer", 30),
    ("Dementia", 15),
    ("Epilepsy", 15),
    ("Rheumatoid Arthritis", 15),
)

REASONS = (
    "Persistent pain", "Worsening symptoms", "Abnormal test result", "Reduced mobility", "Suspected malignancy",
    "Visual disturbance", "Recurrent infection", "Shortness of breath", "Failed conservative management",
    "Palpitations", "Lump, for assessment", "Second opinion requested",
)  # fmt: skip

NOTES = (
    "", "", "", "", "", "",
    "Seen in community clinic first",
    'Patient asked for "earliest available", any site',
    "Prefers mornings, lives alone",
    "Letter returned; telephone number checked",
    "Discussed at MDT, for local treatment",
    "Awaiting imaging.\nTo be reviewed when reported.",
)  # fmt: skip


# Postcode districts and the deprivation decile that the seed `geography` gives them.
_WY = {
    "BD1": 2, "BD16": 7, "BD3": 1, "HD1": 2, "HX1": 2, "LS1": 5, "LS17": 8, "LS8": 5, "LS9": 1, "WF1": 3, "WF9": 3,
}  # fmt: skip
_SEL = {
    "BR1": 8, "DA14": 7, "SE1": 4, "SE15": 3, "SE18": 3, "SE5": 3,
}  # fmt: skip
_DEVON = {
    "EX1": 5, "EX4": 6, "PL1": 1, "PL3": 5, "TQ1": 2,
}  # fmt: skip
_BIRMINGHAM = {
    "B1": 4, "B10": 1, "B17": 6, "B29": 4, "B44": 2, "B6": 1, "B91": 9,
}  # fmt: skip
_MANCHESTER = {
    "BL1": 3, "BL3": 2, "M1": 4, "M14": 3, "M20": 7, "M22": 2, "M33": 8, "M8": 2, "OL1": 2, "OL11": 2, "SK1": 3,
    "SK8": 8, "WN1": 4,
}  # fmt: skip
_LEICESTER = {
    "LE1": 2, "LE15": 9, "LE3": 3, "LE5": 3,
}  # fmt: skip
_NORFOLK = {
    "NR1": 3, "NR3": 3, "NR30": 1, "NR32": 2,
}  # fmt: skip

_NEY, _LON, _SW, _MID, _NW, _EE = (
    "North East and Yorkshire", "London", "South West", "Midlands", "North West", "East of England",
)  # fmt: skip

TRUSTS: tuple[TrustName, ...] = (
    TrustName("Airedge University Hospitals NHS Foundation Trust", "ZA1", _NEY, "QWO",
              "NHS West Yorkshire Integrated Care Board", "36J", _WY, "bradford"),
    TrustName("Calderbrook District Hospitals NHS Trust", "ZA2", _NEY, "QWO",
              "NHS West Yorkshire Integrated Care Board", "36J", _WY, "bradford"),
    TrustName("Greenmarsh and Ravensfield NHS Foundation Trust", "ZB1", _LON, "QKK",
              "NHS South East London Integrated Care Board", "72Q", _SEL, "london"),
    TrustName("Tamarbeck and Torhaven NHS Trust", "ZC1", _SW, "QJK",
              "NHS Devon Integrated Care Board", "15N", _DEVON, "rural"),
    TrustName("Arden Heath University Hospitals NHS Trust", "ZD1", _MID, "QHL",
              "NHS Birmingham and Solihull Integrated Care Board", "15E", _BIRMINGHAM, "bradford"),
    TrustName("Irwellbank General NHS Foundation Trust", "ZE1", _NW, "QOP",
              "NHS Greater Manchester Integrated Care Board", "14L", _MANCHESTER, "london"),
    TrustName("Soarcliffe Royal NHS Trust", "ZF1", _MID, "QK1",
              "NHS Leicester, Leicestershire and Rutland Integrated Care Board", "04C", _LEICESTER, "bradford"),
    TrustName("Wensumdale Hospitals NHS Foundation Trust", "ZG1", _EE, "QMM",
              "NHS Norfolk and Waveney Integrated Care Board", "26A", _NORFOLK, "rural"),
    TrustName("Medbrook Valley NHS Trust", "ZE2", _NW, "QOP",
              "NHS Greater Manchester Integrated Care Board", "14L", _MANCHESTER, "london"),
    TrustName("Peckwater Infirmary NHS Foundation Trust", "ZB2", _LON, "QKK",
              "NHS South East London Integrated Care Board", "72Q", _SEL, "london"),
)  # fmt: skip

PRACTICE_FIRST = (
    "Moorside", "Beechcroft", "Riverbank", "Café Quarter", "St Brendan's", "Oakleigh", "Willowbrook", "Beauséjour",
    "Millgate", "Highfield", "Station Road", "Larkhill", "Priory", "Canalside", "Thornbury Lane", "Ashdown",
)  # fmt: skip
PRACTICE_LAST = ("Surgery", "Medical Centre", "Health Centre", "Practice", "Group Practice")

ETHNIC_MIX: dict[str, tuple[tuple[str, int], ...]] = {  # code, per mille
    "bradford": (
        ("A", 520), ("J", 190), ("H", 50), ("K", 25), ("C", 60), ("B", 15), ("N", 20), ("M", 15), ("D", 10),
        ("F", 5), ("L", 20), ("S", 10), ("G", 5), ("R", 5), ("P", 5), ("Z", 25), ("99", 20),
    ),
    "london": (
        ("A", 430), ("N", 150), ("M", 85), ("C", 100), ("B", 25), ("H", 25), ("J", 20), ("K", 15), ("L", 25),
        ("D", 20), ("E", 10), ("F", 5), ("G", 10), ("P", 15), ("R", 10), ("S", 15), ("Z", 25), ("99", 15),
    ),
    "rural": (
        ("A", 860), ("C", 40), ("B", 10), ("H", 10), ("N", 8), ("L", 8), ("R", 5), ("D", 5), ("G", 4), ("Z", 25),
        ("99", 25),
    ),
}  # fmt: skip

NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {  # women, men, families
    "british": (
        ("Olivia", "Emily", "Margaret", "Susan", "Charlotte", "Jean", "Zoë", "Chloe", "Patricia", "Dorothy", "Hannah",
         "Megan", "Carol", "Gwen", "Isla", "Ruth"),
        ("Jack", "Oliver", "David", "Alan", "George", "Kenneth", "Harry", "Peter", "Thomas", "Rhys", "Callum",
         "Brian", "Stephen", "Ewan", "Noah", "Dylan"),
        ("Smith", "Jones", "Taylor", "Brown", "Williams", "Wilson", "Davies", "Robinson", "Wright", "Thompson",
         "Walker", "White", "Hughes", "Green", "Hall", "Barker", "Sutcliffe", "Penrose", "Armitage", "MacDonald"),
    ),
    "south_asian": (
        ("Aisha", "Fatima", "Priya", "Nasreen", "Zainab", "Anjali", "Shabana", "Meera", "Sunita", "Rukhsana"),
        ("Mohammed", "Imran", "Raj", "Arjun", "Bilal", "Sanjay", "Tariq", "Vikram", "Usman", "Harpreet"),
        ("Khan", "Hussain", "Patel", "Ahmed", "Begum", "Singh", "Shah", "Akhtar", "Mistry", "Rahman", "Malik"),
    ),
    "african": (
        ("Abena", "Chioma", "Folake", "Amara", "Wanjiru", "Hodan", "Esi", "Ngozi"),
        ("Kwame", "Chidi", "Tunde", "Abdi", "Kofi", "Emeka", "Tendai", "Samuel"),
        ("Okafor", "Mensah", "Adeyemi", "Osei", "Mohamud", "Nwosu", "Moyo", "Boateng", "Kamau"),
    ),
    "caribbean": (
        ("Shanice", "Marcia", "Beverley", "Jasmine", "Yvonne", "Keisha"),
        ("Winston", "Delroy", "Marlon", "Leroy", "Jerome", "Clive"),
        ("Campbell", "Grant", "Francis", "Gordon", "Clarke", "Bennett", "Samuels"),
    ),
    "polish": (
        ("Agnieszka", "Katarzyna", "Magdalena", "Zofia", "Małgorzata", "Ewa"),
        ("Piotr", "Krzysztof", "Tomasz", "Jakub", "Paweł", "Marek"),
        ("Nowak", "Kowalski", "Wiśniewski", "Zieliński", "Kamiński", "Wójcik"),
    ),
    "irish": (
        ("Siobhán", "Aoife", "Niamh", "Bridget", "Róisín", "Maeve"),
        ("Seán", "Patrick", "Declan", "Ciarán", "Liam", "Conor"),
        ("O'Brien", "Murphy", "Kelly", "Ó Súilleabháin", "Byrne", "Gallagher", "Doyle"),
    ),
    "chinese": (
        ("Mei", "Li Na", "Xiu", "Grace"), ("Wei", "Jun", "Kai", "Henry"),
        ("Chan", "Wong", "Li", "Chen", "Zhang", "Lam"),
    ),
}  # fmt: skip

NAMES_OF: dict[str, str] = {
    "A": "british", "B": "irish", "C": "polish", "D": "caribbean", "E": "african", "F": "south_asian",
    "G": "british", "H": "south_asian", "J": "south_asian", "K": "south_asian", "L": "south_asian",
    "M": "caribbean", "N": "african", "P": "african", "R": "chinese", "S": "south_asian", "Z": "british",
    "99": "british",
}  # fmt: skip

# How three kinds of hospital system write one code. A trust's style picks the dialect of most of its rows.
DIALECTS: dict[str, tuple[dict[str, str], dict[str, str], dict[str, str]]] = {
    "gender": (
        {"1": "1", "2": "2", "9": "9", "X": "X"},
        {"1": "Male", "2": "Female", "9": "Indeterminate", "X": "Not known"},
        {"1": "M", "2": "F", "9": "Other", "X": "U"},
    ),
    "ethnic_category": (
        {c: c for c in ("A", "B", "C", "D", "E", "F", "G", "H", "J", "K", "L", "M", "N", "P", "R", "S", "Z", "99")},
        {
            "A": "White British", "B": "White Irish", "C": "Any other White background",
            "D": "White and Black Caribbean", "E": "White and Black African", "F": "White and Asian",
            "G": "Any other mixed background", "H": "Indian", "J": "Pakistani", "K": "Bangladeshi",
            "L": "Any other Asian background", "M": "Caribbean", "N": "African",
            "P": "Any other Black background", "R": "Chinese", "S": "Any other ethnic group",
            "Z": "Not stated", "99": "Not known",
        },
        {
            "A": "British", "B": "Irish", "C": "Other White", "D": "White & Black Caribbean",
            "E": "White & Black African", "F": "White & Asian", "G": "Mixed", "H": "British Indian",
            "J": "British Pakistani", "K": "British Bangladeshi", "L": "South Asian", "M": "Black Caribbean",
            "N": "Black African", "P": "Black British", "R": "chinese", "S": "Other Ethnic Group",
            "Z": "Prefer not to say", "99": "Unknown",
        },
    ),
    "risk_level": (
        {"low": "low", "medium": "medium", "high": "high", "very_high": "very high"},
        {"low": "Low", "medium": "Medium", "high": "High", "very_high": "Very High"},
        {"low": "LOW", "medium": "Moderate ", "high": "HIGH", "very_high": "Very high"},
    ),
    "boolean": ({"t": "1", "f": "0"}, {"t": "Yes", "f": "No"}, {"t": "Y", "f": "N"}),
    "referral_status": (
        {"open": "Open", "pending": "Pending", "accepted": "Accepted", "rejected": "Rejected", "closed": "Closed",
         "completed": "Completed", "discharged": "Discharged"},
        {"open": "open", "pending": "Awaiting triage", "accepted": "Accepted", "rejected": "Rejected",
         "closed": "Closed ", "completed": "Completed", "discharged": "Discharged to GP"},
        {"open": "OPEN", "pending": "PENDING", "accepted": "ACCEPTED", "rejected": "Returned to GP",
         "closed": "CLOSED", "completed": "COMPLETED", "discharged": "DISCHARGED"},
    ),
    "appointment_status": (
        {"scheduled": "Scheduled", "attended": "Attended", "no_show": "DNA",
         "cancelled_by_patient": "Cancelled by Patient", "cancelled_by_provider": "Cancelled by Provider",
         "late_not_seen": "Late not seen"},
        {"scheduled": "Booked", "attended": "Attended ", "no_show": "No Show",
         "cancelled_by_patient": "Patient Cancelled", "cancelled_by_provider": "Hospital Cancelled",
         "late_not_seen": "Arrived late, not seen"},
        {"scheduled": "SCHEDULED", "attended": "ATTENDED", "no_show": "NO-SHOW",
         "cancelled_by_patient": "CANCELLED BY PATIENT", "cancelled_by_provider": "CANCELLED BY HOSPITAL",
         "late_not_seen": "LATE NOT SEEN"},
    ),
    "procedure_status": (
        {"planned": "Planned", "scheduled": "Scheduled", "completed": "Completed", "cancelled": "Cancelled",
         "abandoned": "Abandoned", "overdue": "Overdue", "delayed": "Delayed"},
        {"planned": "planned", "scheduled": "TCI booked", "completed": "completed ", "cancelled": "cancelled",
         "abandoned": "abandoned", "overdue": "overdue", "delayed": "Postponed"},
        {"planned": "PLANNED", "scheduled": "SCHEDULED", "completed": "DONE", "cancelled": "CANCELLED",
         "abandoned": "ABANDONED", "overdue": "OVERDUE", "delayed": "DELAYED"},
    ),
    "attendance": (
        {c: c for c in "0234567"},
        {"0": "Not yet", "2": "Cancelled by patient", "3": "DNA", "4": "Cancelled by hospital", "5": "Seen on time",
         "6": "Late but seen", "7": "Late, not seen"},
        {"0": "00", "2": "02", "3": "03", "4": "04", "5": "05", "6": "06", "7": "07"},
    ),
    "appointment_type": (
        {"first": "1", "follow_up": "2"}, {"first": "First", "follow_up": "Follow-up"},
        {"first": "New", "follow_up": "FU"},
    ),
    "attendance_outcome": (
        {"discharged": "1", "another_appointment": "2", "appointment_later": "3", "listed": "Listed",
         "diagnostic_requested": "Diagnostics requested", "pifu": "PIFU", "referred_on": "Referred on"},
        {"discharged": "Discharged", "another_appointment": "Another appointment given",
         "appointment_later": "Appointment to be made at a later date", "listed": "Added to waiting list",
         "diagnostic_requested": "Sent for diagnostics", "pifu": "Moved to PIFU",
         "referred_on": "Transferred"},
        {"discharged": "DISCHARGED", "another_appointment": "FOLLOW UP", "appointment_later": "TO BE BOOKED",
         "listed": "LISTED", "diagnostic_requested": "TESTS REQUESTED", "pifu": "PIFU",
         "referred_on": "REFERRED ON"},
    ),
    "rtt_status": (
        {c: c for c in ("10", "11", "12", "20", "21", "30", "31", "32", "33", "34", "35", "36", "90", "91", "98")},
        {c: c for c in ("10", "11", "12", "20", "21", "30", "31", "32", "33", "34", "35", "36", "90", "91", "98")},
        {c: f"RTT {c}" for c in
         ("10", "11", "12", "20", "21", "30", "31", "32", "33", "34", "35", "36", "90", "91", "98")},
    ),
    "waiting_list_type": (
        {"admitted": "Admitted", "non_admitted": "Non-admitted"},
        {"admitted": "Inpatient", "non_admitted": "Outpatient"},
        {"admitted": "IP", "non_admitted": "OP"},
    ),
    "referral_priority": (
        {"1": "1", "2": "2", "3": "3"},
        {"1": "Routine", "2": "Urgent", "3": "Two Week Wait"},
        {"1": "ROUTINE", "2": "URGENT", "3": "2WW"},
    ),
    "severity": (
        {"mild": "1", "moderate": "2", "severe": "3"},
        {"mild": "Mild", "moderate": "Moderate", "severe": "Severe"},
        {"mild": "Stage 1", "moderate": "Stage 3", "severe": "SEVERE"},
    ),
    "cancelled_by": (
        {"patient": "Patient", "provider": "Provider"}, {"patient": "patient", "provider": "Hospital"},
        {"patient": "P", "provider": "H"},
    ),
    "cancel_reason": (
        {c: c.replace("_", " ").capitalize() for c in
         ("staff_unavailable", "leave", "no_bed", "equipment", "patient_request", "patient_unwell", "emergency",
          "no_theatre_time", "patient_unfit", "industrial_action", "administrative")},
        {"staff_unavailable": "Consultant unavailable", "leave": "Annual leave", "no_bed": "No beds",
         "equipment": "Equipment failure", "patient_request": "Patient choice", "patient_unwell": "Illness",
         "emergency": "Emergency took priority", "no_theatre_time": "List overran", "patient_unfit": "Not fit",
         "industrial_action": "Industrial action", "administrative": "Admin error"},
        {"staff_unavailable": "STAFF SICKNESS", "leave": "STUDY LEAVE", "no_bed": "NO BED",
         "equipment": "KIT UNAVAILABLE", "patient_request": "PATIENT REQUEST", "patient_unwell": "UNWELL",
         "emergency": "EMERGENCY", "no_theatre_time": "NO THEATRE TIME", "patient_unfit": "UNFIT",
         "industrial_action": "STRIKE", "administrative": "ADMIN"},
    ),
    "delay_reason": (
        {c: c.replace("_", " ").capitalize() for c in
         ("staffing", "diagnostics", "theatre_capacity", "outpatient_capacity", "bed_capacity", "patient_choice",
          "patient_unfit", "equipment", "administrative")},
        {"staffing": "Staff shortage", "diagnostics": "Awaiting results", "theatre_capacity": "No theatre slot",
         "outpatient_capacity": "No slots", "bed_capacity": "Lack of beds", "patient_choice": "Patient choice",
         "patient_unfit": "Patient unwell", "equipment": "Equipment issue", "administrative": "Admin delay"},
        {"staffing": "STAFFING", "diagnostics": "AWAITING MRI", "theatre_capacity": "THEATRE CAPACITY",
         "outpatient_capacity": "CAPACITY", "bed_capacity": "NO BEDS", "patient_choice": "PATIENT CHOICE",
         "patient_unfit": "UNFIT", "equipment": "EQUIPMENT", "administrative": "PAPERWORK"},
    ),
    "session_type": (
        {"clinic": "Clinic", "theatre": "Theatre"}, {"clinic": "Outpatient clinic", "theatre": "Operating list"},
        {"clinic": "CLINIC", "theatre": "THEATRE"},
    ),
    "session_status": (
        {"planned": "Planned", "held": "Held", "cancelled": "Cancelled"},
        {"planned": "planned", "held": "Ran", "cancelled": "cancelled"},
        {"planned": "PLANNED", "held": "HELD", "cancelled": "CANCELLED"},
    ),
    "fft_answer": (
        {c: c for c in ("1", "2", "3", "4", "5", "6")},
        {"1": "Very good", "2": "Good", "3": "Neither good nor poor", "4": "Poor", "5": "Very poor", "6": "Don't know"},
        {"1": "VERY GOOD", "2": "GOOD", "3": "NEITHER", "4": "POOR", "5": "V POOR", "6": "DK"},
    ),
    "source_of_referral": (
        {"03": "03", "04": "04", "05": "05", "15": "15", "92": "92", "14": "14"},
        {"03": "GP", "04": "Accident and emergency", "05": "Consultant", "15": "Optometrist", "92": "Dentist",
         "14": "Physiotherapist"},
        {"03": "3", "04": "4", "05": "5", "15": "15", "92": "92", "14": "14"},
    ),
}  # fmt: skip
