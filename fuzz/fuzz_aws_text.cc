// What comes from outside in the search for AWS credentials and in the answers of AWS's services:
// profile files, JSON, STS's XML, JAAS values. Nothing may crash, and no profile may come of a file
// that is refused.
#include <cstddef>
#include <cstdint>
#include <string>

#include "aws/credentials_container.h"
#include "aws/credentials_source.h"
#include "aws/json_call.h"
#include "aws/kms.h"
#include "aws/msk_token.h"
#include "aws/profile.h"
#include "aws/sts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace maxbrod;
  std::string text = ToString({data, size});
  auto files = aws::ProfileFiles::Parse(text, text);
  if (files.ok()) {
    // Names are in lower case, so no file has this one.
    const aws::Profile* profile = files->Find("default");
    if (profile != nullptr) MB_CHECK(profile->Get("No Such Key").empty());
  }
  auto credentials = aws::ParseCredentialsJson(text, "fuzz");
  if (credentials.ok()) MB_CHECK(!credentials->access_key_id.empty());
  aws::HttpResponse response;
  for (int status : {200, 403}) {
    response.status = status;
    response.body.assign(data, data + size);
    auto role = aws::ParseStsAnswer(response, "AssumeRole", "arn");
    MB_CHECK(!role.ok() || status == 200);
  }
  (void)aws::ErrorTypeName(text);
  (void)aws::RegionOfArn(text);
  (void)aws::RegionOfBroker(text);
  (void)aws::MayAskForCredentials(text);
  return 0;
}
