// A connected byte stream: a plain TCP socket or TLS over one.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "os/deadline.h"

namespace maxbrod {

// One thread may read while another writes; Close may be called from any. Every blocking call
// returns kTimeout (retryable) at its deadline and kCancelled within about 100 ms of a stop
// request. A stream that ends or breaks is kUnavailable (retryable). After any error the stream's
// position is unknown: close it.
class Transport {
 public:
  virtual ~Transport() = default;

  // Waits for bytes; between 1 and out.size() of them. The end of the stream is an error. `out`
  // must not be empty.
  virtual Result<size_t> ReadSome(MutableByteView out, const CallContext& context) = 0;
  // Fills `out`.
  Status ReadFull(MutableByteView out, const CallContext& context) {
    while (!out.empty()) {
      MB_ASSIGN_OR_RETURN(size_t n, ReadSome(out, context));
      out = out.subspan(n);
    }
    return Status::Ok();
  }
  // Sends all pieces in order.
  virtual Status WriteAll(std::span<const ByteView> pieces, const CallContext& context) = 0;
  Status WriteAll(ByteView piece, const CallContext& context) {
    return WriteAll(std::span<const ByteView>(&piece, 1), context);
  }
  // Ends both directions; blocked calls in other threads return. The descriptor is freed on
  // destruction.
  virtual void Close() = 0;
  // "broker-1:9092", for messages.
  virtual const std::string& peer() const = 0;
};

}  // namespace maxbrod
