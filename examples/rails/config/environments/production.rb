Rails.application.configure do
  config.enable_reloading = false
  config.consider_all_requests_local = false
end
