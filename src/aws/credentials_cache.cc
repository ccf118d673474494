#include "aws/credentials_cache.h"

#include <algorithm>
#include <limits>

#include "os/log.h"

namespace maxbrod::aws {
namespace {

constexpr int64_t kWindowMillis = 300'000;
constexpr int64_t kJitterMillis = 60'000;
constexpr int64_t kRetryMillis = 30'000;
constexpr Millis kWaitStep{200};

}  // namespace

CachingCredentials::CachingCredentials(std::unique_ptr<CredentialsSource> source, Clock& clock)
    : source_(std::move(source)), clock_(clock), random_(std::random_device()()) {}

bool CachingCredentials::Valid(int64_t now_ms) const {
  return kept_ && !refused_ && (kept_->expires_ms == 0 || now_ms < kept_->expires_ms);
}

void CachingCredentials::Keep(Credentials credentials, int64_t now_ms) {
  fetch_from_ms_ = std::numeric_limits<int64_t>::max();
  if (credentials.expires_ms != 0) {
    int64_t left = std::max<int64_t>(0, credentials.expires_ms - now_ms);
    std::uniform_int_distribution<int64_t> jitter(0, kJitterMillis);
    int64_t window = std::min(kWindowMillis - jitter(random_), left / 3);
    fetch_from_ms_ = credentials.expires_ms - window;
  }
  kept_ = std::move(credentials);
  refused_ = false;
}

Result<Credentials> CachingCredentials::Get(const CallContext& context) {
  std::unique_lock lock(mutex_);
  while (true) {
    int64_t now_ms = clock_.WallMillis();
    if (Valid(now_ms) && (fetching_ || now_ms < fetch_from_ms_)) return *kept_;
    if (!fetching_) return Fetch(lock, context);
    uint64_t failures_before = failures_;
    // The deadline is looked at in steps: the one who fetches may have a later one than we.
    while (fetching_) {
      MB_RETURN_IF_ERROR(context.Check());
      fetched_.wait_for(lock, context.stop, std::min(kWaitStep, context.deadline.Remaining()),
                        [this] { return !fetching_; });
    }
    // Its deadline or stop is not ours.
    bool its_own =
        last_failure_.code() == Code::kCancelled || last_failure_.code() == Code::kTimeout;
    if (failures_ != failures_before && !its_own) return last_failure_;
  }
}

Result<Credentials> CachingCredentials::Fetch(std::unique_lock<std::mutex>& lock,
                                              const CallContext& context) {
  fetching_ = true;
  lock.unlock();
  std::string why_not;
  Result<std::optional<Credentials>> fetched = source_->Fetch(context, &why_not);
  lock.lock();
  fetching_ = false;
  fetched_.notify_all();
  int64_t now_ms = clock_.WallMillis();
  Status failure = fetched.status();
  if (failure.ok() && !fetched->has_value())
    failure = Status(Code::kNotFound, source_->name() + ": " + why_not);
  if (failure.ok() && (*fetched)->expires_ms != 0 && (*fetched)->expires_ms <= now_ms) {
    failure =
        Status(Code::kAuthentication, source_->name() + " hands out credentials that have expired")
            .WithHint("is this machine's clock right?");
  }
  if (failure.ok()) {
    Keep(**std::move(fetched), now_ms);
    return *kept_;
  }
  ++failures_;
  last_failure_ = failure;
  if (!Valid(now_ms)) return failure;
  LogWarn("credentials are not renewed ({}); the old ones are valid for {} s", failure.message(),
          (kept_->expires_ms - now_ms) / 1000);
  fetch_from_ms_ = now_ms + kRetryMillis;
  return *kept_;
}

void CachingCredentials::Refused(const Credentials& credentials) {
  std::lock_guard lock(mutex_);
  // Others may have renewed them meanwhile.
  if (kept_ && kept_->access_key_id == credentials.access_key_id &&
      kept_->session_token == credentials.session_token) {
    refused_ = true;
  }
}

}  // namespace maxbrod::aws
