# The API, the client grants and the log stream of session-events in one Auth0 tenant.

terraform {
  required_providers {
    auth0 = {
      source  = "auth0/auth0"
      version = ">= 1.28.0"
    }
  }
}

# Reads AUTH0_DOMAIN, AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET.
provider "auth0" {}

variable "url" {
  description = "The URL of the Worker: https://events.example.com"
  type        = string
}

variable "tenant" {
  description = "The slug of the tenant: acme@us for acme.us.auth0.com"
  type        = string
}

variable "audience" {
  description = "The identifier of the API, the AUDIENCE of the Worker"
  type        = string
}

variable "publish_token" {
  description = "The publish token of the tenant, as printed by session-events publish-token"
  type        = string
  sensitive   = true
}

variable "browser_client_id" {
  description = "The application whose users receive their own events"
  type        = string
}

variable "backend_client_id" {
  description = "The machine-to-machine application that receives the events of all users"
  type        = string
}

resource "auth0_resource_server" "session_events" {
  name           = "Session events"
  identifier     = var.audience
  signing_alg    = "RS256"
  token_lifetime = 86400

  # Without this, any application could request listen:events for its users.
  subject_type_authorization {
    user {
      policy = "require_client_grant"
    }
    client {
      policy = "require_client_grant"
    }
  }
}

resource "auth0_resource_server_scopes" "session_events" {
  resource_server_identifier = auth0_resource_server.session_events.identifier

  scopes {
    name        = "listen:events:self"
    description = "Listen to my own session events"
  }

  scopes {
    name        = "listen:events"
    description = "Listen to all session events"
  }
}

resource "auth0_client_grant" "browser" {
  client_id    = var.browser_client_id
  audience     = auth0_resource_server_scopes.session_events.resource_server_identifier
  scopes       = ["listen:events:self"]
  subject_type = "user"
}

resource "auth0_client_grant" "backend" {
  client_id    = var.backend_client_id
  audience     = auth0_resource_server_scopes.session_events.resource_server_identifier
  scopes       = ["listen:events"]
  subject_type = "client"
}

resource "auth0_log_stream" "session_events" {
  name   = "session-events"
  type   = "http"
  status = "active"

  sink {
    http_endpoint       = "${var.url}/${var.tenant}/api/publish"
    http_authorization  = var.publish_token
    http_content_format = "JSONLINES"
    http_content_type   = "application/json"
  }
}
