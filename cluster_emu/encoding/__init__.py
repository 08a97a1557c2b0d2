"""How many bytes a page takes on the wire: encoders, and chains of them."""

from cluster_emu.encoding.chain import Encoding, PageSizes
from cluster_emu.encoding.compression import Compression
from cluster_emu.encoding.contract import Coder, Content, Encoder, Stage, encoders, used_page_ids
from cluster_emu.encoding.xbzrle import Xbzrle
from cluster_emu.encoding.zero_page import ZeroPage

__all__ = [
    "Coder",
    "Compression",
    "Content",
    "Encoder",
    "Encoding",
    "PageSizes",
    "Stage",
    "Xbzrle",
    "ZeroPage",
    "encoders",
    "used_page_ids",
]
