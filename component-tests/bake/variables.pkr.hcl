variable "endpoint" {
  type = string
}

variable "ssh_port" {
  type = number
}

variable "ssh_key" {
  type = string
}
