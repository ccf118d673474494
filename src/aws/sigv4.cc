#include "aws/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "aws/uri.h"
#include "base/bytes.h"
#include "codec/hash.h"

namespace maxbrod::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// Without white space at the ends, and with single blanks for runs of it (also line breaks, which
// fold old headers).
std::string TrimAll(std::string_view text) {
  std::string out;
  bool gap = false;
  for (char c : text) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      gap = true;
      continue;
    }
    if (gap && !out.empty()) out.push_back(' ');
    gap = false;
    out.push_back(c);
  }
  return out;
}

// RFC 3986, 5.2.4, and no doubled slashes.
std::string NormalizePath(std::string_view path) {
  std::vector<std::string_view> kept;
  bool folder = true;
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find('/', at), path.size());
    std::string_view segment = path.substr(at, end - at);
    folder = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!folder) {
      kept.push_back(segment);
    }
    at = end + 1;
  }
  std::string out;
  for (std::string_view segment : kept) out.append("/").append(segment);
  if (folder || out.empty()) out.push_back('/');
  return out;
}

// Names and values encoded afresh, sorted by name, then value.
std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    size_t end = std::min(query.find('&'), query.size());
    std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.empty()) continue;
    size_t equals = one.find('=');
    std::string_view name = one.substr(0, equals);
    std::string_view value = equals == std::string_view::npos ? "" : one.substr(equals + 1);
    auto encode = [](std::string_view text) {
      return UriEncode(UriDecode(text).value_or(std::string(text)));
    };
    parameters.emplace_back(encode(name), encode(value));
  }
  std::ranges::sort(parameters);
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

}  // namespace

namespace internal {

Canonical MakeCanonical(const CanonicalParts& parts, const SigningScope& scope) {
  std::map<std::string, std::string> headers;  // several of one name are joined as they come
  for (const HttpHeader& header : parts.headers) {
    std::string value = TrimAll(header.value);
    auto [at, fresh] = headers.emplace(LowerCase(header.name), value);
    if (!fresh) at->second.append(",").append(value);
  }
  Canonical out;
  std::string lines;
  for (const auto& [name, value] : headers) {
    lines.append(name).append(":").append(value).append("\n");
    if (!out.signed_headers.empty()) out.signed_headers.push_back(';');
    out.signed_headers.append(name);
  }
  std::string path = scope.s3 ? std::string(parts.path)
                              : UriEncode(NormalizePath(parts.path), /*keep_slash=*/true);
  out.request =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", parts.method, path, CanonicalQuery(parts.query), lines,
                  out.signed_headers, parts.payload_hash);
  return out;
}

std::string CredentialScope(const SigningScope& scope, std::string_view amz_date) {
  return fmt::format("{}/{}/{}/{}", amz_date.substr(0, 8), scope.region, scope.service,
                     kTerminator);
}

std::string Signature(const Credentials& credentials, const SigningScope& scope,
                      std::string_view amz_date, std::string_view canonical_request) {
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, amz_date, CredentialScope(scope, amz_date),
                  ToHex(Sha256(AsBytes(canonical_request))));
  std::string secret = "AWS4" + credentials.secret_access_key;
  Sha256Digest key = HmacSha256(AsBytes(secret), AsBytes(amz_date.substr(0, 8)));
  key = HmacSha256(key, AsBytes(scope.region));
  key = HmacSha256(key, AsBytes(scope.service));
  key = HmacSha256(key, AsBytes(kTerminator));
  std::string signature = ToHex(HmacSha256(key, AsBytes(to_sign)));
  WipeSecret({reinterpret_cast<uint8_t*>(secret.data()), secret.size()});
  WipeSecret(key);
  return signature;
}

}  // namespace internal

std::string PayloadHash(std::span<const ByteView> pieces) {
  Sha256Hasher hasher;
  for (ByteView piece : pieces) hasher.Update(piece);
  return ToHex(hasher.Finish());
}

Status SignRequest(const Credentials& credentials, const SigningScope& scope,
                   std::string_view payload_hash, int64_t now_ms, HttpRequest* request) {
  MB_ASSIGN_OR_RETURN(Uri uri, ParseUri(request->url));
  std::vector<HttpHeader>& headers = request->headers;
  const std::string date = FormatAmzDate(now_ms);
  bool has_host = std::ranges::any_of(
      headers, [](const HttpHeader& header) { return LowerCase(header.name) == "host"; });
  if (!has_host) headers.push_back({"Host", uri.Authority()});
  headers.push_back({"X-Amz-Date", date});
  if (!credentials.session_token.empty()) {
    headers.push_back({"X-Amz-Security-Token", credentials.session_token});
  }
  if (scope.s3) headers.push_back({"X-Amz-Content-Sha256", std::string(payload_hash)});
  internal::Canonical canonical =
      internal::MakeCanonical({request->method, uri.path, uri.query, headers, payload_hash}, scope);
  headers.push_back(
      {"Authorization",
       fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                   credentials.access_key_id, internal::CredentialScope(scope, date),
                   canonical.signed_headers,
                   internal::Signature(credentials, scope, date, canonical.request))});
  return Status::Ok();
}

Result<std::string> PresignUrl(const Credentials& credentials, const SigningScope& scope,
                               std::string_view method, std::string_view url,
                               std::string_view payload_hash, std::chrono::seconds expires,
                               int64_t now_ms) {
  MB_ASSIGN_OR_RETURN(Uri uri, ParseUri(url));
  const std::string date = FormatAmzDate(now_ms);
  std::string query = uri.query.empty() ? "" : uri.query + "&";
  query += fmt::format(
      "X-Amz-Algorithm={}&X-Amz-Credential={}&X-Amz-Date={}&X-Amz-Expires={}"
      "&X-Amz-SignedHeaders=host",
      kAlgorithm,
      UriEncode(credentials.access_key_id + "/" + internal::CredentialScope(scope, date)), date,
      expires.count());
  if (!credentials.session_token.empty()) {
    query += "&X-Amz-Security-Token=" + UriEncode(credentials.session_token);
  }
  internal::Canonical canonical = internal::MakeCanonical(
      {method, uri.path, query, {{"Host", uri.Authority()}}, payload_hash}, scope);
  return fmt::format("{}://{}{}?{}&X-Amz-Signature={}", uri.scheme, uri.Authority(), uri.path,
                     query, internal::Signature(credentials, scope, date, canonical.request));
}

}  // namespace maxbrod::aws
