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
