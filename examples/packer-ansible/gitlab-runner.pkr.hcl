# The build job has these in its variables.
variable "version" {
  type    = string
  default = env("VERSION")
}

variable "package" {
  type    = string
  default = env("PACKAGE")
}

variable "target" {
  type    = string
  default = env("TARGET")
}

variable "pipeline_url" {
  type    = string
  default = env("CI_PIPELINE_URL")
}

variable "regions" {
  type    = list(string)
  default = ["eu-central-1", "us-east-1"]
}

locals {
  # The name of an image is unique: a build that is tried again needs another one.
  time = formatdate("YYYYMMDDhhmmss", timestamp())
  # The name of an image holds no ~, ^ and +, which a version can have.
  version = regex_replace(var.version, "[^0-9A-Za-z._]", "-")
  tags = {
    Product  = "gitlab-runner"
    Version  = var.version
    Package  = var.package
    Target   = var.target
    Pipeline = var.pipeline_url
  }
}

source "amazon-ebs" "gitlab-runner" {
  ami_regions   = var.regions
  region        = var.regions[0]
  instance_type = "t3.small"
  imds_support  = "v2.0"
  tags          = local.tags
  run_tags      = local.tags
}

build {
  source "amazon-ebs.gitlab-runner" {
    name         = "al2023"
    ami_name     = "gitlab-runner-${local.version}-al2023-${local.time}"
    ssh_username = "ec2-user"

    source_ami_filter {
      owners      = ["amazon"]
      most_recent = true
      filters     = { name = "al2023-ami-2023.*-x86_64" }
    }
  }

  source "amazon-ebs.gitlab-runner" {
    name         = "rhel9"
    ami_name     = "gitlab-runner-${local.version}-rhel9-${local.time}"
    ssh_username = "ec2-user"

    source_ami_filter {
      owners      = ["309956199498"] # Red Hat
      most_recent = true
      filters     = { name = "RHEL-9.*_HVM-*-x86_64-*" }
    }
  }

  provisioner "ansible" {
    # The playbook reads the job's variables itself. Ansible evaluates {{ }} in --extra-vars, in JSON too.
    playbook_file = "playbook.yml"
    use_proxy     = false
  }

  post-processor "manifest" {
    output = "manifest.json"
    # The tracker keeps the image that this one was baked from.
    custom_data = { base = "${build.SourceAMI}" }
  }
}
