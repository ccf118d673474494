// Archives and Object Lock, one object at a time. See s3.h.
#include <fmt/format.h>

#include "aws/s3.h"
#include "base/user_time.h"

namespace maxbrod::aws {
Status S3Client::RestoreObject(const std::string& key, int days, std::string_view tier,
                               const CallContext& context, const std::string& version) {
  const std::string lifetime = days > 0 ? fmt::format("<Days>{}</Days>", days) : "";
  const std::string body = fmt::format(
      "<RestoreRequest xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}"
      "<GlacierJobParameters><Tier>{}</Tier></GlacierJobParameters></RestoreRequest>",
      lifetime, tier);
  Call call{S3Request::kRestore, "s3:RestoreObject", "POST", key};
  call.query = {{"restore", ""}};
  if (!version.empty()) call.query.emplace_back("versionId", version);
  call.headers = HeadersOfXml(body);
  call.body = {AsBytes(body)};
  S3Failure failure;
  MB_ASSIGN_OR_RETURN(HttpResponse response, Perform(call, context, &failure));
  if (response.ok() || failure.code == "RestoreAlreadyInProgress") return Status::Ok();
  Status status = StatusOf(call, failure);
  if (failure.code != "GlacierExpeditedRetrievalNotAvailable") return status;
  return std::move(status).WithHint("try again later, or take --thaw standard");
}

Status S3Client::PutRetention(const std::string& key, std::string_view mode, int64_t until_ms,
                              const CallContext& context) {
  const std::string body = fmt::format(
      "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>{}</Mode>"
      "<RetainUntilDate>{}</RetainUntilDate></Retention>",
      mode, FormatUserTime(until_ms / 1000 * 1000));
  Call call{S3Request::kRetention, "s3:PutObjectRetention", "PUT", key};
  call.query = {{"retention", ""}};
  call.headers = HeadersOfXml(body);
  call.body = {AsBytes(body)};
  return PerformOk(call, context).status();
}

}  // namespace maxbrod::aws
