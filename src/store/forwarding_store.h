// What decorators derive from: hands everything to another store.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "store/store.h"

namespace maxbrod::store {

// Thread-safe as its inner store is.
class ForwardingStore : public Store {
 public:
  explicit ForwardingStore(std::shared_ptr<Store> inner) : inner_(std::move(inner)) {}

  using Store::PutIfAbsent;
  Result<PutResult> PutIfAbsent(const std::string& name, std::span<const ByteView> pieces,
                                const CallContext& context) override {
    return inner_->PutIfAbsent(name, pieces, context);
  }
  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name,
                                               const CallContext& context) override {
    return inner_->Create(name, context);
  }
  Result<Bytes> Get(const std::string& name, size_t size_max, const CallContext& context) override {
    return inner_->Get(name, size_max, context);
  }
  Status GetRange(const std::string& name, uint64_t offset, MutableByteView out,
                  const CallContext& context) override {
    return inner_->GetRange(name, offset, out, context);
  }
  Result<ObjectInfo> Stat(const std::string& name, const CallContext& context) override {
    return inner_->Stat(name, context);
  }
  Result<ListPage> List(const std::string& prefix, const std::string& start_after, size_t limit,
                        const CallContext& context) override {
    return inner_->List(prefix, start_after, limit, context);
  }
  Status Remove(const std::string& name, const CallContext& context) override {
    return inner_->Remove(name, context);
  }
  Result<int64_t> NowMillis(const CallContext& context) override {
    return inner_->NowMillis(context);
  }
  std::string Url() const override { return inner_->Url(); }
  ObjectControl* control() override { return inner_->control(); }

 protected:
  Store& inner() const { return *inner_; }

 private:
  const std::shared_ptr<Store> inner_;
};

}  // namespace maxbrod::store
