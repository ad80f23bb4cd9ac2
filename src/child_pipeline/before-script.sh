mkdir -p .ami-scheduler
# A runner may keep the folder: what an earlier job left is not this one's to report.
rm -f .ami-scheduler/junit.xml
# Behind a firewall: what the runner has of certificates and proxies is handed on to the module, and
# sockets with it. Without any, nothing is.
ami_scheduler_network=
if [ -n "$CI_SERVER_TLS_CA_FILE" ]; then
  cp -f "$CI_SERVER_TLS_CA_FILE" .ami-scheduler/gitlab-ca.pem
  ami_scheduler_network="$ami_scheduler_network --env CI_SERVER_TLS_CA_FILE=gitlab-ca.pem"
fi
if [ -n "$SSL_CERT_FILE" ]; then
  cp -f "$SSL_CERT_FILE" .ami-scheduler/ca.pem
  ami_scheduler_network="$ami_scheduler_network --env SSL_CERT_FILE=ca.pem"
fi
if [ -n "$HTTPS_PROXY$https_proxy$HTTP_PROXY$http_proxy$ALL_PROXY$all_proxy" ]; then
  for name in HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy NO_PROXY no_proxy; do
    ami_scheduler_network="$ami_scheduler_network --env $name"
  done
fi
if [ -n "$ami_scheduler_network" ]; then
  ami_scheduler_network="--wasi inherit-network --wasi allow-ip-name-lookup --wasi udp=n$ami_scheduler_network"
fi
# The module.
if [ -z "${AMI_SCHEDULER_WASM:-}" ] && [ -n "$AMI_SCHEDULER_MODULE_URL" ] && [ -n "$AMI_SCHEDULER_MODULE_SHA256" ]; then
  AMI_SCHEDULER_WASM=$PWD/.ami-scheduler.wasm
  printf 'user = "gitlab-ci-token:%s"\n' "$CI_JOB_TOKEN" |
    curl --config - --fail --silent --show-error --location --retry 3 --output "$AMI_SCHEDULER_WASM" \
      ${CI_SERVER_TLS_CA_FILE:+--cacert "$CI_SERVER_TLS_CA_FILE"} "$AMI_SCHEDULER_MODULE_URL" || {
    echo "The module cannot be fetched from $AMI_SCHEDULER_MODULE_URL. Is this project on the job token allowlist of the project it is published by?"
    exit 1
  }
fi
if [ -z "${AMI_SCHEDULER_WASM:-}" ]; then
  echo "There is no module: use the image that this component is published with, or set AMI_SCHEDULER_WASM to the path of ami-scheduler.wasm."
  exit 1
fi
if [ -n "$AMI_SCHEDULER_MODULE_SHA256" ] && [ -z "${AMI_SCHEDULER_PRECOMPILED:-}" ] &&
  ! echo "$AMI_SCHEDULER_MODULE_SHA256  $AMI_SCHEDULER_WASM" | sha256sum --check --status; then
  echo "$AMI_SCHEDULER_WASM is not the module that this version of the component was released with. Leave AMI_SCHEDULER_WASM unset, and each job fetches the right one; with a module of your own, set the input module_sha256 to its sha256."
  exit 1
fi
