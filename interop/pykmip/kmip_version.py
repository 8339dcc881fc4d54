"""pytest plugin: speak the protocol version that KMIP_VERSION names, for example 1.4.

The suite opens its clients without a version and PyKMIP's configuration file has no setting for
one, so that without this plugin only 1.2 would ever be spoken.
"""

import os

from kmip.core import enums
from kmip.services import kmip_client

_opened = kmip_client.KMIPProxy.__init__


def _open(self, *arguments, **settings):
    number = os.environ["KMIP_VERSION"].replace(".", "_")
    settings["kmip_version"] = enums.KMIPVersion["KMIP_" + number]
    _opened(self, *arguments, **settings)


kmip_client.KMIPProxy.__init__ = _open
