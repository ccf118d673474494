#include "repo/vault.h"

#include "repo/commit_codec.h"

namespace maxbrod::repo {
namespace {

bool IsPublic(const std::string& name) {
  return name == kConfigName || name == kConfigCopyName || name.starts_with(kKeyPrefix);
}

// The first bytes, which must be the header of a sealed object; all writers of this layer hand over
// at least a header at once.
Status CheckSealed(const std::string& name, std::span<const ByteView> pieces) {
  for (ByteView piece : pieces) {
    if (piece.empty()) continue;
    if (piece.size() >= kObjectHeaderBytes && IsSealedHeader(piece)) return Status::Ok();
    break;
  }
  return Status(Code::kInternal, name + ": was about to be stored in the clear")
      .WithHint("nothing was stored; this is a bug of maxbrod");
}

class SealedWriter final : public store::ObjectWriter {
 public:
  SealedWriter(std::unique_ptr<store::ObjectWriter> inner, std::string name)
      : inner_(std::move(inner)), name_(std::move(name)) {}

  using ObjectWriter::Append;
  Status Append(std::span<const ByteView> pieces) override {
    if (!checked_) MB_RETURN_IF_ERROR(CheckSealed(name_, pieces));
    checked_ = true;
    return inner_->Append(pieces);
  }
  Result<store::PutResult> Commit(const CallContext& context) override {
    return inner_->Commit(context);
  }
  uint64_t bytes_written() const override { return inner_->bytes_written(); }

 private:
  const std::unique_ptr<store::ObjectWriter> inner_;
  const std::string name_;
  bool checked_ = false;
};

}  // namespace

Result<store::PutResult> Vault::PutIfAbsent(const std::string& name,
                                            std::span<const ByteView> pieces,
                                            const CallContext& context) {
  if (!IsPublic(name)) MB_RETURN_IF_ERROR(CheckSealed(name, pieces));
  return inner().PutIfAbsent(name, pieces, context);
}

Result<std::unique_ptr<store::ObjectWriter>> Vault::Create(const std::string& name,
                                                           const CallContext& context) {
  MB_ASSIGN_OR_RETURN(auto writer, inner().Create(name, context));
  return std::unique_ptr<store::ObjectWriter>(new SealedWriter(std::move(writer), name));
}

Keyring* KeysOf(const store::Store& store) {
  const auto* vault = dynamic_cast<const Vault*>(&store);
  return vault == nullptr ? nullptr : &vault->keys();
}

std::shared_ptr<store::Store> WithKeysOf(const store::Store& store,
                                         std::shared_ptr<store::Store> inner) {
  const auto* vault = dynamic_cast<const Vault*>(&store);
  if (vault == nullptr) return inner;
  return std::make_shared<Vault>(std::move(inner), vault->shared_keys());
}

}  // namespace maxbrod::repo
