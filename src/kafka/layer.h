// Kafka's wire protocol and a client made of it. Knows nothing of repositories.
#pragma once
