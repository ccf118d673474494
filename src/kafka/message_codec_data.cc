// Instantiates the data path's messages.
#include "kafka/message_codec.h"
#include "kafka/messages/api_versions.h"
#include "kafka/messages/fetch.h"
#include "kafka/messages/list_offsets.h"
#include "kafka/messages/metadata.h"
#include "kafka/messages/offset_for_leader_epoch.h"
#include "kafka/messages/produce.h"

namespace maxbrod::kafka {

MB_KAFKA_INSTANTIATE(ApiVersions)
MB_KAFKA_INSTANTIATE(Fetch)
MB_KAFKA_INSTANTIATE(ListOffsets)
MB_KAFKA_INSTANTIATE(Metadata)
MB_KAFKA_INSTANTIATE(OffsetForLeaderEpoch)
MB_KAFKA_INSTANTIATE(Produce)

Status DecodeApiVersionsResponse(ByteView body, int16_t* version, ApiVersionsResponse* response) {
  static constexpr int16_t kUnsupportedVersion = 35;
  if (body.size() >= sizeof(int16_t) && LoadBig<int16_t>(body.data()) == kUnsupportedVersion) {
    *version = 0;
  }
  return DecodeMessage(body, *version, response);
}

}  // namespace maxbrod::kafka
