// Pure transformations of bytes: CRC32C, varints, compression, hashing. No formats, no I/O.
#pragma once
