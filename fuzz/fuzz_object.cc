// Any bytes as an object of a repository. What is read without an error must have been written as
// it stands.
#include <cstdlib>

#include "object_input.h"

using namespace maxbrod;  // NOLINT
using repo::ObjectType;

namespace {

std::vector<Bytes> Read(ObjectType type, ByteView bytes, bool* ok) {
  std::vector<Bytes> records;
  *ok = repo::ReadObject(type, "fuzz", bytes, [&](ByteView record) {
          records.emplace_back(record.begin(), record.end());
          return Status::Ok();
        }).ok();
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteView input(data, size);
  bool ok = false;
  for (ObjectType type : {ObjectType::kConfig, ObjectType::kCommit, ObjectType::kPack}) {
    Read(type, input, &ok);
  }
  // Frames with right checks around them.
  std::vector<Bytes> records = fuzz::SplitRecords(input);
  Bytes object = fuzz::Wrap(ObjectType::kCommit, records);
  std::vector<Bytes> back = Read(ObjectType::kCommit, object, &ok);
  if (!ok || (!records.empty() && back != records)) std::abort();
  // The input as the frames themselves: a header that is right, everything after it anybody's.
  object.resize(repo::kObjectHeaderBytes);
  Append(object, input);
  Read(ObjectType::kCommit, object, &ok);
  // One frame header of the input's choice, with a check that is right.
  if (size >= repo::kFrameHeaderBytes) {
    ByteView left = input;
    auto header = repo::FrameHeader::Decode(data);
    if (header.ok()) {
      uint8_t encoded[repo::kFrameHeaderBytes];
      header->Encode(encoded);
      if (!std::equal(encoded, encoded + sizeof(encoded), data)) std::abort();
      repo::FrameView frame{*header, input.subspan(repo::kFrameHeaderBytes), {}};
      Bytes scratch;
      auto plain = repo::PlainBytes(frame, &scratch);
      if (plain.ok() && header->codec == repo::FrameCodec::kZstd &&
          plain->size() != header->plain_bytes) {
        std::abort();
      }
    }
    (void)repo::TakeFrame(repo::FrameChecker(fuzz::FixedSalt()), 0, 0, &left);
  }
  return 0;
}
