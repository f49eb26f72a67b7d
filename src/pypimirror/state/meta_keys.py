"""Names of the facts about the whole mirror that its state keeps."""

#: Our own serial of the root.
SERIAL = "serial"
#: When the last run ended, and the last that was good, in seconds since 1970.
LAST_RUN, LAST_GOOD = "last_run", "last_good_run"
#: How the last run ended, and what concerned all of it, as JSON.
LAST_STATUS, LAST_PROBLEMS = "last_status", "last_problems"
#: Set if the root is to be written whatever else changes; set if it is to be compared, since the state was lost.
ROOT_DUE, ROOT_UNSURE = "root_due", "root_unsure"
#: Set if releases are, or were, pinned.
PINNING = "pinning"
#: Set if pages were read and it was not followed yet what the releases on them require.
FOLLOW_DUE = "follow_due"
#: Names of the pin files that the mirror keeps, and paths of the pages about all projects, separated by blanks.
PIN_FILES, ROOTS = "pin_files", "roots"
#: The ETag of upstream's list of all projects.
LIST_ETAG = "list_etag"
#: Fingerprints: of what decides on files, pin files included; of what decides on pages; of the configuration by itself.
FILES_SETTINGS, PAGES_SETTINGS, OWN_SETTINGS = "files_settings", "pages_settings", "own_settings"
