#include "store/overlay_store.h"

#include <fmt/format.h>

#include <optional>

#include "codec/crc32c.h"
#include "store/pieces.h"

namespace maxbrod::store {
namespace {

// The answer to a put under a name of the lower store; none when it has no such object.
template <typename Holds>
Result<std::optional<PutResult>> AnswerOfLower(Store& lower, const std::string& name,
                                               const CallContext& context, Holds holds) {
  Result<ObjectInfo> info = lower.Stat(name, context);
  if (!info.ok()) {
    if (info.status().code() == Code::kNotFound) return std::optional<PutResult>();
    return info.status();
  }
  MB_ASSIGN_OR_RETURN(bool same, holds(*info));
  return std::optional<PutResult>(
      {same ? PutOutcome::kExistsSame : PutOutcome::kExistsOther, info->modified_ms});
}

}  // namespace

class OverlayStore::Writer : public ObjectWriter {
 public:
  Writer(Store& lower, std::string name, std::unique_ptr<ObjectWriter> upper)
      : lower_(lower), name_(std::move(name)), upper_(std::move(upper)) {}

  Status Append(std::span<const ByteView> pieces) override {
    MB_RETURN_IF_ERROR(upper_->Append(pieces));
    for (ByteView piece : pieces) crc_ = Crc32cExtend(crc_, piece);
    return Status::Ok();
  }
  Result<PutResult> Commit(const CallContext& context) override {
    MB_ASSIGN_OR_RETURN(std::optional<PutResult> taken,
                        AnswerOfLower(lower_, name_, context, [&](const ObjectInfo& info) {
                          return HoldsCrc(lower_, info, upper_->bytes_written(), crc_, context);
                        }));
    if (taken) return *taken;
    return upper_->Commit(context);
  }
  uint64_t bytes_written() const override { return upper_->bytes_written(); }

 private:
  Store& lower_;
  const std::string name_;
  const std::unique_ptr<ObjectWriter> upper_;
  uint32_t crc_ = 0;
};

Result<PutResult> OverlayStore::PutIfAbsent(const std::string& name,
                                            std::span<const ByteView> pieces,
                                            const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::optional<PutResult> taken,
                      AnswerOfLower(inner(), name, context, [&](const ObjectInfo& info) {
                        return HoldsBytes(inner(), info, pieces, context);
                      }));
  if (taken) return *taken;
  return upper_->PutIfAbsent(name, pieces, context);
}

Result<std::unique_ptr<ObjectWriter>> OverlayStore::Create(const std::string& name,
                                                           const CallContext& context) {
  MB_ASSIGN_OR_RETURN(std::unique_ptr<ObjectWriter> writer, upper_->Create(name, context));
  return std::unique_ptr<ObjectWriter>(std::make_unique<Writer>(inner(), name, std::move(writer)));
}

Result<Bytes> OverlayStore::Get(const std::string& name, size_t size_max,
                                const CallContext& context) {
  Result<Bytes> bytes = upper_->Get(name, size_max, context);
  if (bytes.status().code() != Code::kNotFound) return bytes;
  return inner().Get(name, size_max, context);
}

Status OverlayStore::GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                              const CallContext& context) {
  Status status = upper_->GetRange(name, offset, out, context);
  if (status.code() != Code::kNotFound) return status;
  return inner().GetRange(name, offset, out, context);
}

Result<ObjectInfo> OverlayStore::Stat(const std::string& name, const CallContext& context) {
  Result<ObjectInfo> info = upper_->Stat(name, context);
  if (info.status().code() != Code::kNotFound) return info;
  return inner().Stat(name, context);
}

Result<ListPage> OverlayStore::List(const std::string& prefix, const std::string& start_after,
                                    size_t limit, const CallContext& context) {
  MB_ASSIGN_OR_RETURN(ListPage above, upper_->List(prefix, start_after, limit, context));
  MB_ASSIGN_OR_RETURN(ListPage below, inner().List(prefix, start_after, limit, context));
  ListPage page;
  size_t a = 0, b = 0;
  while (page.objects.size() < limit) {
    // Beyond the end of a page that was cut its store may have more names.
    if (a == above.objects.size() && above.truncated) break;
    if (b == below.objects.size() && below.truncated) break;
    if (a == above.objects.size() && b == below.objects.size()) return page;
    bool from_above = b == below.objects.size() ||
                      (a < above.objects.size() && above.objects[a].name <= below.objects[b].name);
    ObjectInfo& next = from_above ? above.objects[a] : below.objects[b];
    if (from_above) {
      if (b < below.objects.size() && below.objects[b].name == next.name) ++b;
      ++a;
    } else {
      ++b;
    }
    page.objects.push_back(std::move(next));
  }
  page.truncated =
      a < above.objects.size() || b < below.objects.size() || above.truncated || below.truncated;
  return page;
}

Status OverlayStore::Remove(const std::string& name, const CallContext& context) {
  Status status = upper_->Remove(name, context);
  if (status.code() != Code::kNotFound) return status;
  MB_RETURN_IF_ERROR(inner().Stat(name, context).status());
  return Status(Code::kReadOnly,
                fmt::format("object '{}' cannot be removed: {} is for reading", name, Url()));
}

}  // namespace maxbrod::store
