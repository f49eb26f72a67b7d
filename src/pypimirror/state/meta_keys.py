"""Names of the facts about the mirror in its state."""

#: The mirror's own serial of the root page.
SERIAL = "serial"
#: When the last run ended, and the last that was good, in seconds since 1970.
LAST_RUN, LAST_GOOD = "last_run", "last_good_run"
#: Exit status of the last run, and its general problems as JSON.
LAST_STATUS, LAST_PROBLEMS = "last_status", "last_problems"
#: Set if a first fetch above ``confirm_above`` was confirmed; set while one that is not publishes before its size is known.
CONFIRMED, UNCONFIRMED = "first_fetch_confirmed", "first_fetch_unconfirmed"
#: Set if the root page must be written; set if it must be compared with the state, which was lost.
ROOT_DUE, ROOT_UNSURE = "root_due", "root_unsure"
#: Releases that stay although no pin names them any more: the last day each was pinned on, as JSON.
RETAINED = "retained"
#: Set if releases are, or were, pinned.
PINNING = "pinning"
#: Set if pages were read, or files published, whose releases' requirements were not resolved yet.
FOLLOW_DUE = "follow_due"
#: When the first release is let in that is held back now and may be required, in seconds since 1970.
FOLLOW_AT = "follow_at"
#: Names of the published pin files, and paths of the pages about all projects, separated by blanks.
PIN_FILES, ROOTS = "pin_files", "roots"
#: Names of their other forms and of their index page; a digest of what these are made of.
PIN_FORMS, PIN_FORMS_MADE = "pin_forms", "pin_forms_made"
#: The ETag of upstream's list of all projects.
LIST_ETAG = "list_etag"
#: Fingerprints of the settings that affect files, with the pin files; that affect pages; of the configuration alone.
FILES_SETTINGS, PAGES_SETTINGS, OWN_SETTINGS = "files_settings", "pages_settings", "own_settings"
#: The generation of the advisories that the last whole run used.
ADVISORIES = "advisories"
#: The filters of plugins whose removals a run has done: names and factories as JSON.
KNOWN_FILTERS = "known_filters"
