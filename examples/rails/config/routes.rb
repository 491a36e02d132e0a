Rails.application.routes.draw do
  get "up", to: "rails/health#show"
  root "notes#index"
end
