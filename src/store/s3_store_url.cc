#include "store/s3_store_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <utility>

#include "aws/curl_http.h"
#include "aws/profile.h"
#include "aws/uri.h"

namespace maxbrod::store {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr std::string_view kHint =
    "write s3://bucket/prefix?region=eu-central-1, and for another S3 than AWS's "
    "&endpoint=https://host:port";
// With an object's name (object_name.h) behind it, within S3's 1024 bytes of a key.
constexpr size_t kPrefixBytesMax = 400;
constexpr size_t kParameterShownMax = 32;
constexpr int kLockDaysMax = 36'500;
constexpr int64_t kSecondsMax = 86'400;

Status Bad(std::string_view what, std::string_view hint = kHint) {
  return Status(Code::kInvalidArgument, fmt::format("the repository's s3:// URL: {}", what))
      .WithHint(std::string(hint));
}

Status TakePrefix(std::string_view encoded, std::string* out) {
  std::optional<std::string> prefix = aws::UriDecode(encoded);
  if (!prefix) return Bad("'%' must be followed by two hexadecimal digits");
  while (prefix->ends_with('/')) prefix->pop_back();
  if (prefix->size() > kPrefixBytesMax) {
    return Bad(fmt::format("a prefix has at most {} bytes", kPrefixBytesMax));
  }
  for (char c : *prefix) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return Bad("its prefix holds a control character");
    }
  }
  if (("/" + *prefix + "/").find("//") != std::string::npos && !prefix->empty()) {
    return Bad("its prefix begins with '/' or has two in a row");
  }
  for (const char* segment : {"/./", "/../"}) {
    if (("/" + *prefix + "/").find(segment) != std::string::npos) {
      return Bad("its prefix has a segment '.' or '..'");
    }
  }
  *out = std::move(*prefix);
  return Status::Ok();
}

Status TakePathStyle(const std::string& value, S3Location* location) {
  if (value != "true" && value != "false" && value != "1" && value != "0") {
    return Bad("path_style is true or false");
  }
  location->s3.path_style = value == "true" || value == "1";
  return Status::Ok();
}

// What is read within milliseconds. (INTELLIGENT_TIERING archives only where its owner asked it
// to.)
constexpr std::string_view kReadAtOnce[] = {
    "STANDARD",   "STANDARD_IA",        "ONEZONE_IA",     "INTELLIGENT_TIERING",
    "GLACIER_IR", "REDUCED_REDUNDANCY", "EXPRESS_ONEZONE"};

Status CheckStorageClass(std::string_view parameter, const std::string& value) {
  if (value.empty()) return Status::Ok();
  for (std::string_view known : kReadAtOnce) {
    if (value == known) return Status::Ok();
  }
  const std::string what = fmt::format("{}={}", parameter, value.substr(0, kParameterShownMax));
  if (value == "GLACIER" || value == "DEEP_ARCHIVE") {
    return Bad(what + ": objects in archives cannot be read at once",
               parameter == "storage_class"
                   ? "after a crash a backup reads the index of packs that it wrote; let a "
                     "lifecycle rule move them later: maxbrod bucket setup --cold-after 30d "
                     "--cold-class " +
                         value
                   : "log, manifests and snapshots are read by every run; only packs may be moved "
                     "to archives: maxbrod bucket setup --cold-after 30d --cold-class " +
                         value);
  }
  return Bad(what + ": no such storage class",
             fmt::format("there are {}", fmt::join(kReadAtOnce, ", ")));
}

Status TakeLock(const std::string& value, LockPolicy* out) {
  if (value == "governance") out->mode = LockMode::kGovernance;
  if (value == "compliance") out->mode = LockMode::kCompliance;
  if (out->mode != LockMode::kNone) return Status::Ok();
  return Bad("lock is governance or compliance");
}

Status TakeLockDays(const std::string& value, LockPolicy* out) {
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out->days);
  if (error == std::errc() && end == value.data() + value.size() && out->days >= 1 &&
      out->days <= kLockDaysMax) {
    return Status::Ok();
  }
  return Bad(fmt::format("lock_days is a number of days from 1 to {}", kLockDaysMax));
}

Status TakeSeconds(const std::string& name, const std::string& value, int64_t seconds_min,
                   Millis* out) {
  int64_t seconds = -1;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size() || seconds < seconds_min ||
      seconds > kSecondsMax) {
    return Bad(fmt::format("{} is between {} and {}", name, seconds_min, kSecondsMax));
  }
  *out = Millis(seconds * 1000);
  return Status::Ok();
}

Status TakeParameter(const std::string& name, std::string value, S3Location* out) {
  if (name == "path_style") return TakePathStyle(value, out);
  if (name == "lock") return TakeLock(value, &out->store.lock);
  if (name == "lock_days") return TakeLockDays(value, &out->store.lock);
  if (name == "retry_seconds") return TakeSeconds(name, value, 0, &out->retry_budget);
  if (name == "stall_seconds") return TakeSeconds(name, value, 1, &out->stall_timeout);
  const std::map<std::string_view, std::string*> texts = {
      {"region", &out->s3.region},
      {"endpoint", &out->s3.endpoint},
      {"ca_file", &out->ca_file},
      {"ca_dir", &out->ca_dir},
      {"storage_class", &out->store.pack_storage_class},
      {"meta_storage_class", &out->store.meta_storage_class},
      {"sse", &out->s3.sse},
      {"kms_key_id", &out->s3.kms_key_id},
      {"profile", &out->credentials.profile},
      {"role_arn", &out->credentials.role_arn},
      {"external_id", &out->credentials.role_external_id},
  };
  auto found = texts.find(name);
  if (found == texts.end()) {
    std::string known = "lock, lock_days, path_style, retry_seconds, stall_seconds";
    for (const auto& [text, unused] : texts) known += fmt::format(", {}", text);
    return Bad(fmt::format("it knows no parameter '{}'", name.substr(0, kParameterShownMax)),
               "there are " + known + "; keys and passwords come from the environment");
  }
  *found->second = std::move(value);
  return Status::Ok();
}

Status TakeParameters(std::string_view query, S3Location* out) {
  while (!query.empty()) {
    size_t end = std::min(query.find('&'), query.size());
    std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    size_t equals = one.find('=');
    if (equals == std::string_view::npos) return Bad("a parameter without '='");
    std::optional<std::string> value = aws::UriDecode(one.substr(equals + 1));
    if (!value) return Bad("'%' must be followed by two hexadecimal digits");
    MB_RETURN_IF_ERROR(TakeParameter(std::string(one.substr(0, equals)), std::move(*value), out));
  }
  return Status::Ok();
}

// The first of the variables that is set.
std::string FirstOf(aws::Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (std::optional<std::string> value = environment.Variable(name)) return *value;
  }
  return "";
}

const aws::SourceNeeds& NeedsOf(const S3World& world) {
  return world.needs != nullptr ? *world.needs : aws::SystemNeeds();
}

// Empty when it has none. The instance's is not asked: a bucket tells its region itself.
std::string RegionOfProfile(aws::Environment& environment, const std::string& profile) {
  Result<aws::ProfileFiles> files = aws::ProfileFiles::Read(environment);
  if (!files.ok()) return "";  // the credentials will say what is wrong with them
  const aws::Profile* found = files->Find(aws::ProfileName(environment, profile));
  return found == nullptr ? "" : found->Get("region");
}

}  // namespace

Result<S3Location> ParseS3Url(std::string_view url) {
  if (!url.starts_with(kScheme)) return Bad("it does not begin with s3://");
  std::string_view rest = url.substr(kScheme.size());
  S3Location location;
  size_t question = rest.find('?');
  std::string_view query =
      question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  rest = rest.substr(0, question);
  if (rest.find('#') != std::string_view::npos) return Bad("'#' is written %23");
  size_t slash = rest.find('/');
  std::string_view bucket = rest.substr(0, slash);
  if (bucket.find_first_of("@:") != std::string_view::npos) {
    return Bad("a key, a password or a port before the bucket's name is not accepted",
               "credentials come from the environment, as AWS's own tools find them");
  }
  location.s3.bucket = std::string(bucket);
  if (slash != std::string_view::npos) {
    MB_RETURN_IF_ERROR(TakePrefix(rest.substr(slash + 1), &location.store.prefix));
  }
  MB_RETURN_IF_ERROR(TakeParameters(query, &location));
  MB_RETURN_IF_ERROR(CheckStorageClass("storage_class", location.store.pack_storage_class));
  MB_RETURN_IF_ERROR(CheckStorageClass("meta_storage_class", location.store.meta_storage_class));
  if ((location.store.lock.mode == LockMode::kNone) != (location.store.lock.days == 0)) {
    return Bad("lock and lock_days belong together", "e.g. lock=compliance&lock_days=30");
  }
  Status status = aws::S3Client::Check(location.s3);
  if (!status.ok() && status.hint().empty())
    status = std::move(status).WithHint(std::string(kHint));
  MB_RETURN_IF_ERROR(status);
  return location;
}

Result<std::shared_ptr<aws::S3Client>> MakeS3Client(S3Location* out, const S3World& world) {
  S3Location& location = *out;
  const aws::SourceNeeds& needs = NeedsOf(world);
  aws::Environment& environment = *needs.environment;
  if (location.s3.region.empty()) {
    location.s3.region = FirstOf(environment, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  }
  if (location.s3.region.empty()) {
    location.s3.region = RegionOfProfile(environment, location.credentials.profile);
  }
  if (location.s3.endpoint.empty() &&
      environment.Variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true") {
    location.s3.endpoint = FirstOf(environment, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  }
  MB_RETURN_IF_ERROR(aws::S3Client::Check(location.s3));
  if (!location.s3.region.empty() && location.credentials.sts_region.empty()) {
    location.credentials.sts_region = location.s3.region;
  }
  std::shared_ptr<aws::HttpClient> http = world.http;
  if (http == nullptr) {
    aws::CurlHttpOptions options;
    options.stall_timeout = location.stall_timeout;
    options.ca_file = location.ca_file;
    options.ca_dir = location.ca_dir;
    if (options.ca_file.empty() && options.ca_dir.empty()) {
      options.ca_file = FirstOf(environment, {"AWS_CA_BUNDLE"});
    }
    http = std::make_shared<aws::CurlHttpClient>(std::move(options));
  }
  auto credentials = world.credentials != nullptr
                         ? world.credentials
                         : aws::MakeCredentials(needs, location.credentials);
  auto counters = world.counters != nullptr ? world.counters : std::make_shared<aws::S3Counters>();
  return std::make_shared<aws::S3Client>(location.s3, std::move(http), std::move(credentials),
                                         std::move(counters), *needs.clock);
}

Result<std::unique_ptr<S3Store>> MakeS3Store(S3Location location, const S3World& world) {
  MB_ASSIGN_OR_RETURN(std::shared_ptr<aws::S3Client> client, MakeS3Client(&location, world));
  location.store.clock = NeedsOf(world).clock;
  location.store.doubt_budget = std::min(location.store.doubt_budget, location.retry_budget);
  return std::make_unique<S3Store>(std::move(client), location.store);
}

}  // namespace maxbrod::store
