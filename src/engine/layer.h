// Backup, restore, verify: what joins a cluster and a repository. No flags, no printing.
#pragma once
