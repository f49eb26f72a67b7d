"""The contracts of the mirror, in the order in which data passes them.

Source -> Selection (filters) -> Plan -> Fetch -> Storage -> Index -> State

A component is a named adapter of the settings of one mirror, unless its interface names other objects to adapt. ZCML registers
it in that mirror's private registry. Components are independent of each other, do no input or output in ``__init__``, and are
called from several threads at once. They report failures outside the program with exceptions of ``pypimirror.errors`` only.
"""

from .clients import ICertificateSite, IClient, IWebServer
from .http import ICooperativeFetcher, IFetcher, IReceiver
from .index import IIndexWriter, IMetadataIndexWriter, IStartPageWriter, IWholeIndexWriter
from .mirror import IMirror, IRunContext, ISettings
from .run import IEngine, IObserver
from .selection import (
    IExactNames,
    IExplainedFilter,
    IFilter,
    IMetadataFilter,
    INameFilter,
    ISafetyFilter,
    ITimedFilter,
    IUploadTimeFilter,
    IUrgentFilter,
    IWrittenNames,
)
from .storage import ICopyingStorage, IReservingUpload, IStorage, IUpload
from .upstream import IListReader, IParser, ISource, IUpstream

__all__ = [
    "ICertificateSite", "IClient", "ICooperativeFetcher", "ICopyingStorage", "IEngine", "IExactNames", "IExplainedFilter",
    "IFetcher", "IFilter",
    "IIndexWriter", "IListReader", "IMetadataFilter", "IMetadataIndexWriter", "IMirror", "INameFilter", "IObserver", "IParser",
    "IReceiver", "IReservingUpload", "IRunContext", "ISafetyFilter", "ISettings", "ISource", "IStartPageWriter", "IStorage",
    "ITimedFilter",
    "IUpload", "IUploadTimeFilter", "IUpstream", "IUrgentFilter", "IWebServer", "IWholeIndexWriter", "IWrittenNames",
]
