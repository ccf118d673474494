// When a batch or a record on a cluster is the one in a snapshot.
//
// A restore changes marks of a batch that consumers of committed data do not see: producer id,
// epoch and sequence, leader epoch, the LogAppendTime, transactional and delete-horizon marks. What
// a consumer is given must be equal: offset, timestamp, key, value, headers.
#pragma once

#include <string>

#include "kafka/record.h"

namespace maxbrod::engine {

// Whether both hold the same records by their bytes alone. False says nothing: then compare record
// by record.
bool SameBatch(const kafka::BatchEntry& snapshot, const kafka::BatchEntry& live);

// What differs, e.g. "value (120 bytes, the snapshot's has 118)"; empty when nothing does. Shows
// lengths and times, never bytes.
std::string WhatChanged(const kafka::RecordView& snapshot, const kafka::RecordView& live);

}  // namespace maxbrod::engine
