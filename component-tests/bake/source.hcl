# What the source of the example has in the tests beside its own, in the place of what Packer 1.6.6 does not know
# (imds_support): an EC2 API and an instance on this machine.
  custom_endpoint_ec2      = var.endpoint
  insecure_skip_tls_verify = true
  skip_region_validation   = true
  skip_metadata_api_check  = true
  ssh_host                 = "127.0.0.1"
  ssh_port                 = var.ssh_port
  ssh_keypair_name         = "bake"
  ssh_private_key_file     = var.ssh_key
